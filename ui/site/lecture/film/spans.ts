/** Seconds of the file and seconds of the lecture: which is which. */
import { lastNotAfter } from './order';
import type { Span } from './told';

export interface Spot {
  /** In the file. */
  second: number;
  /** Whether the lecture's moment is in the film; else this is what comes next. */
  isThere: boolean;
}

// Links name whole seconds: what begins within the one that is named is what is meant.
const NEAR = 1;
// Behind the last picture nothing can be seen.
const LAST = 1;

/** The second of the lecture that the file shows then. */
export function toLecture(spans: readonly Span[], second: number): number {
  if (!spans.length) return second;
  const [start, end, at] = spans[Math.max(0, lastNotAfter(spans, (span) => span[0], second))];
  return at + Math.min(Math.max(second, start), end) - start;
}

/** Where the file shows that second of the lecture, or what comes after it. */
export function toFile(spans: readonly Span[], moment: number): Spot {
  if (!spans.length) return { second: moment, isThere: true };
  const place = lastNotAfter(spans, (span) => span[2], moment);
  const span = spans[place];
  if (span && moment - span[2] < span[1] - span[0]) return { second: span[0] + moment - span[2], isThere: true };
  const next = spans[place + 1];
  if (next) return { second: next[0], isThere: next[2] - moment < NEAR };
  return { second: Math.max(span[0], span[1] - LAST), isThere: false };
}
