/** Where something stands among what is in order of time. */

/** The place of the last one whose number isn't greater than `wanted`; -1 where all are. Halves its way. */
export function lastNotAfter<T>(items: readonly T[], numberOf: (item: T) => number, wanted: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numberOf(items[middle]) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
