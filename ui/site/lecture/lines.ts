/** Lines of a timeline: what the server sends takes its place among those that are there. */

// What the page itself does to a line; it comes and goes without the line being another one.
const OURS = ['is-here', 'is-hit', 'is-chosen', 'is-playing'];

export const linesOf = (list: Element) => [...list.children].filter((one): one is HTMLLIElement => one instanceof HTMLLIElement);

export const linkOf = (line: Element) => line.querySelector<HTMLAnchorElement>(':scope > a');

/** Seconds since the beginning, as `1:02:03` says them; null for what is no time. */
export function secondsOf(clock: string): number | null {
  if (!/^\d+(:\d{1,2}){0,2}$/.test(clock)) return null;
  return clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** A moment as the server writes it: 0:07, 12:30, 1:02:03. */
export function clockOf(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, '0')];
  return hours ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

export const timeOf = (line: Element) => secondsOf(linkOf(line)?.textContent ?? '') ?? 0;

const kindOf = (line: Element) => [...line.classList].filter((name) => !OURS.includes(name)).join(' ');

const isSame = (one: Element, other: Element) => kindOf(one) === kindOf(other) && one.textContent === other.textContent;

/** Puts lines at their places from `start` on. What is there already and says the same stays untouched. */
export function place(list: Element, lines: readonly Element[], start: number) {
  const there = linesOf(list);
  lines.forEach((line, at) => {
    const old = there[start + at];
    if (!old) list.append(line);
    else if (!isSame(old, line)) rewrite(old, line);
  });
}

// The element stays: whoever reads on from it, or has linked to it, keeps the place.
function rewrite(old: HTMLElement, line: Element) {
  const mine = OURS.filter((name) => old.classList.contains(name));
  old.className = [kindOf(line), ...mine].filter(Boolean).join(' ');
  old.replaceChildren(...line.childNodes);
}

/** Takes away what stands behind the last line. */
export function trim(list: Element, total: number) {
  for (const line of linesOf(list).slice(total)) line.remove();
}

export function fragment(html: string): DocumentFragment {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content;
}
