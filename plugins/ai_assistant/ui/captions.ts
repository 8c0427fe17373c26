/**
 * What is being said, line by line. One line may come several times, as a guess that grows and then for good; what is
 * for good never changes again, and a guess that nobody finishes goes away.
 */
export interface Caption {
  id: string;
  identity: string;
  name: string;
  text: string;
  /** Seconds since the lecture's start. */
  at: number;
  language: string;
  final: boolean;
  /** Nobody listened here. */
  gap?: boolean;
}
/** A packet of the agent. */
export interface Segment extends Omit<Caption, 'gap'> {
  type: 'segment';
}
/** A line as the server keeps it. */
export interface KeptLine extends Omit<Caption, 'final'> {
  gap: boolean;
}

/** Older ones are fetched from the server when somebody scrolls back to them. */
export const MOST_LINES = 500;
export const GUESS_LIVES_MS = 15_000;

export function isSegment(payload: unknown): payload is Segment {
  const said = payload as Segment | null;
  return (
    typeof said === 'object' && said?.type === 'segment' &&
    [said.id, said.identity, said.name, said.text].every((part) => typeof part === 'string') && typeof said.at === 'number'
  );
}

/** A guess that has lost its last words for a moment keeps them: they mostly come back, and nothing jumps. */
export function steady(before: string, next: string): string {
  return next.length < before.length && before.startsWith(next) ? before : next;
}

const byTime = (a: Caption, b: Caption) => a.at - b.at || a.id.localeCompare(b.id);

export class Captions {
  private readonly finals = new Map<string, Caption>();
  private readonly guesses = new Map<string, Caption & { heard: number }>();
  private readonly watchers = new Set<() => void>();
  private version = 0;
  private sorted: Caption[] | null = null;

  constructor(private readonly now: () => number = () => performance.now()) {}

  hear(said: Segment) {
    if (this.finals.has(said.id)) return;
    const { id, identity, name, at, text, language } = said;
    const line: Caption = { id, identity, name, at, text, language, final: said.final === true };
    if (line.final) {
      this.guesses.delete(id);
      if (text) this.finals.set(id, line);
    } else if (text) {
      this.guesses.set(id, { ...line, text: steady(this.guesses.get(id)?.text ?? '', text), heard: this.now() });
    } else {
      this.guesses.delete(id);
    }
    this.bound();
    this.changed();
  }

  /** What the server has kept: lines for good, of before this page was there or while it was cut off. */
  keep(lines: readonly KeptLine[]) {
    for (const line of lines) {
      this.guesses.delete(line.id);
      this.finals.set(line.id, { ...line, final: true });
    }
    if (lines.length) this.changed();
  }

  /** Guesses that nobody goes on with. Tells whether there are still some. */
  prune(): boolean {
    const old = [...this.guesses.values()].filter(({ heard }) => heard < this.now() - GUESS_LIVES_MS);
    old.forEach(({ id }) => this.guesses.delete(id));
    if (old.length) this.changed();
    return this.guesses.size > 0;
  }

  /** Who has left, or isn't written along any more, says nothing half. */
  silence(identity: string) {
    const theirs = [...this.guesses.values()].filter((guess) => guess.identity === identity);
    theirs.forEach(({ id }) => this.guesses.delete(id));
    if (theirs.length) this.changed();
  }

  clearGuesses() {
    if (!this.guesses.size) return;
    this.guesses.clear();
    this.changed();
  }

  /** All lines in the order of their time. */
  all(): readonly Caption[] {
    this.sorted ??= [...this.finals.values(), ...this.guesses.values()].sort(byTime);
    return this.sorted;
  }

  readonly subscribe = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  };
  readonly snapshot = () => this.version;

  private bound() {
    // Those that came first are the oldest: they are still with the server.
    for (const id of this.finals.keys()) {
      if (this.finals.size <= MOST_LINES) return;
      this.finals.delete(id);
    }
  }

  private changed() {
    this.sorted = null;
    this.version += 1;
    for (const watcher of [...this.watchers]) watcher();
  }
}

/** Lines that one person says one after the other. */
export interface Turn {
  key: string;
  identity: string;
  name: string;
  at: number;
  lines: Caption[];
  gap: boolean;
}

const LONGEST_TURN = 8;

export function turnsOf(lines: readonly Caption[], longest = LONGEST_TURN): Turn[] {
  const turns: Turn[] = [];
  for (const line of lines) {
    const last = turns.at(-1);
    const goesOn = last && !last.gap && !line.gap && last.identity === line.identity && last.name === line.name;
    if (goesOn && last.lines.length < longest) last.lines.push(line);
    else turns.push({ key: line.id, identity: line.identity, name: line.name, at: line.at, lines: [line], gap: line.gap === true });
  }
  return turns;
}

/** 0:07, 12:30, 1:02:03. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export const COLOURS = 8;

/** The same person has the same colour on every page. */
export function colourOf(identity: string): number {
  let sum = 0;
  for (const letter of identity) sum = (sum * 31 + letter.codePointAt(0)!) >>> 0;
  return sum % COLOURS;
}

/** The words of a line for this person; where translations come, they come from here. */
export const textFor = (line: Caption): string => line.text;
