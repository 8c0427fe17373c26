/** A page's socket: told the state of things by the server, and opened again whenever it breaks. */

// Codes of core/http/sockets.py after which coming back at once would be wrong.
const NOT_ALLOWED = 4401;
const ELSEWHERE = 4408;
const LONGEST_PAUSE_MS = 30_000;

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

/** Calls `tell` with each message, and `onCut` when the connection is lost. */
export function follow<Message>(path: string, tell: (message: Message) => void, onCut: () => void = () => undefined) {
  let failures = 0;

  function open() {
    const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + path);
    socket.addEventListener('message', (event) => {
      failures = 0;
      tell(JSON.parse(String(event.data)) as Message);
    });
    socket.addEventListener('close', (event) => {
      if (event.code === NOT_ALLOWED) return location.reload();
      onCut();
      if (event.code === ELSEWHERE) whenSeen(open);
      else setTimeout(open, pauseAfter(failures++));
    });
  }
  open();
}

/** Writes a text where `data-<name>` stands; nothing is drawn anew that stays the same. */
export function put(scope: ParentNode, name: string, text: string) {
  const place = scope.querySelector(`[data-${name}]`);
  if (place && place.textContent !== text) place.textContent = text;
}
