/** The title and the icon of the tab. */

const DRAWING =
  '<path d="M4 24V13a12 12 0 0 1 24 0v11" fill="none" stroke="COLOUR" stroke-width="3.4" stroke-linecap="round"/>' +
  '<path d="M10 24v-9a6 6 0 0 1 12 0v9" fill="none" stroke="COLOUR" stroke-width="3.4" stroke-linecap="round"/>';
const LIVE = '<circle cx="25" cy="7" r="6" fill="#e5484d"/>';

function icon(live: boolean): string {
  const drawing = DRAWING.replaceAll('COLOUR', '#5b6cf0') + (live ? LIVE : '');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${drawing}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function iconLink(): HTMLLinkElement {
  const found = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (found) return found;
  const link = Object.assign(document.createElement('link'), { rel: 'icon' });
  document.head.append(link);
  return link;
}

export function showInTab(title: string, live: boolean) {
  document.title = title;
  iconLink().href = icon(live);
}
