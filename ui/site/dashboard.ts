/** The dashboard's live part: which rooms are live, told by the server as it happens. */
import { follow, put } from './following';

interface LiveRoom {
  id: string;
  title: string;
  url: string;
  people: string;
  since: string;
}

function showRoom(card: HTMLElement, room: LiveRoom | undefined) {
  card.toggleAttribute('data-live', room !== undefined);
  if (!room) return;
  put(card, 'people', room.people);
  put(card, 'since', room.since);
}

function showBanner(banner: HTMLElement, room: LiveRoom | undefined) {
  banner.hidden = room === undefined;
  if (!room) return;
  put(banner, 'title', room.title);
  put(banner, 'people', room.people);
  put(banner, 'since', room.since);
  banner.querySelector('[data-join]')?.setAttribute('href', room.url);
}

export function show(page: HTMLElement, live: LiveRoom[]) {
  const byId = new Map(live.map((room) => [room.id, room]));
  for (const card of page.querySelectorAll<HTMLElement>('[data-room]')) {
    showRoom(card, byId.get(card.dataset.room ?? ''));
  }
  const banner = page.querySelector<HTMLElement>('[data-banner]');
  if (banner) showBanner(banner, live[0]);
}

const dashboard = document.querySelector<HTMLElement>('[data-dashboard]');
if (dashboard) follow<{ live: LiveRoom[] }>('/ws/dashboard', ({ live }) => show(dashboard, live));
