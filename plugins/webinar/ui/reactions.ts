/** Reactions on their way up: bounded on the screen, gone after a moment. */
export const EMOJI = ['👍', '👏', '❤️', '😂', '😮', '🎉'] as const;
const MOST = 24;
const MOST_OF_ONE_PACKET = 6;
const SHOWN_MS = 3500;

export interface Floating {
  id: number;
  emoji: string;
  /** Where it rises, in percent of the stage's width. */
  x: number;
}

export class Applause {
  floating: Floating[] = [];
  private last = 0;

  constructor(private readonly changed: () => void) {}

  hear(counts: Record<string, number>) {
    const came = Object.entries(counts)
      .filter(([emoji]) => (EMOJI as readonly string[]).includes(emoji))
      .flatMap(([emoji, count]) => Array.from({ length: Math.min(count, MOST_OF_ONE_PACKET) }, () => this.one(emoji)));
    if (!came.length) return;
    this.floating = [...this.floating, ...came].slice(-MOST);
    this.changed();
    const ids = new Set(came.map(({ id }) => id));
    setTimeout(() => this.drop(ids), SHOWN_MS);
  }

  private one(emoji: string): Floating {
    this.last += 1;
    return { id: this.last, emoji, x: 10 + Math.random() * 80 };
  }

  private drop(ids: Set<number>) {
    this.floating = this.floating.filter(({ id }) => !ids.has(id));
    this.changed();
  }
}
