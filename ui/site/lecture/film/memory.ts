/** What is remembered in this browser: where one stopped in a film, and how one watches films. */

// Who has seen less begins anew; who has so much left has seen it.
const WORTH = 30;
const REST = 15;

/** A browser may forbid it, or have no place left: then nothing is remembered. */
function stored(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function store(name: string, value: string | null) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // Nothing is lost but the memory.
  }
}

const number = (text: string | null) => (text !== null && Number.isFinite(Number(text)) ? Number(text) : null);

/** Where one stopped in the film of one lecture. */
export class Place {
  private readonly name: string;

  constructor(lecture: string) {
    this.name = `film:${lecture}`;
  }

  /** In seconds of the file; null where there is nothing to go on with. */
  get(): number | null {
    const second = number(stored(this.name));
    return second !== null && second >= WORTH ? second : null;
  }

  keep(second: number, length: number) {
    if (length && second > length - REST) this.forget();
    else if (second >= WORTH) store(this.name, String(Math.floor(second)));
  }

  forget() {
    store(this.name, null);
  }
}

const WAYS = { speed: 1, volume: 1, captions: 0 };
export type Way = keyof typeof WAYS;

/** How fast, how loud, and with captions or not, in all films. */
export const wayOf = (way: Way): number => number(stored(`film-${way}`)) ?? WAYS[way];
export const keepWay = (way: Way, value: number) => store(`film-${way}`, String(value));
