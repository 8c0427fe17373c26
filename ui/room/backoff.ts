/** Growing pauses with jitter, so that a lecture hall doesn't come back in one instant. */

export interface Backoff {
  next(): number;
  reset(): void;
}

export function backoff(firstMs: number, longestMs: number, random: () => number = Math.random): Backoff {
  let tries = 0;
  return {
    next() {
      const full = Math.min(longestMs, firstMs * 2 ** tries++);
      return Math.round(full * (0.5 + random() / 2));
    },
    reset() {
      tries = 0;
    },
  };
}
