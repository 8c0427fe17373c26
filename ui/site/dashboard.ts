/** The dashboard's live part: which rooms are live, told by the server as it happens. */

interface LiveRoom {
  id: string;
  title: string;
  url: string;
  people: string;
  since: string;
}

// Codes of core/http/sockets.py after which coming back at once would be wrong.
const NOT_ALLOWED = 4401;
const ELSEWHERE = 4408;
const LONGEST_PAUSE_MS = 30_000;

function put(scope: Element, name: string, text: string) {
  const place = scope.querySelector(`[data-${name}]`);
  if (place && place.textContent !== text) place.textContent = text;
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

/** Doubled with each failure, and never the same for all browsers after a restart. */
function pauseAfter(failures: number): number {
  return Math.min(1000 * 2 ** failures, LONGEST_PAUSE_MS) * (0.5 + Math.random());
}

function whenSeen(then: () => void) {
  document.addEventListener('visibilitychange', function again() {
    if (document.hidden) return;
    document.removeEventListener('visibilitychange', again);
    then();
  });
}

export function follow(page: HTMLElement) {
  let failures = 0;

  function open() {
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws/dashboard`);
    socket.addEventListener('message', (event) => {
      failures = 0;
      show(page, (JSON.parse(String(event.data)) as { live: LiveRoom[] }).live);
    });
    socket.addEventListener('close', (event) => {
      if (event.code === NOT_ALLOWED) location.reload();
      else if (event.code === ELSEWHERE) whenSeen(open);
      else setTimeout(open, pauseAfter(failures++));
    });
  }
  open();
}

const dashboard = document.querySelector<HTMLElement>('[data-dashboard]');
if (dashboard) follow(dashboard);
