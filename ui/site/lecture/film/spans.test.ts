import { expect, test } from 'vitest';
import { toFile, toLecture } from './spans';
import type { Span } from './told';

// Recorded from 0:10 to 1:50, and from 5:00 to 6:00 after a pause.
const SPANS: Span[] = [[0, 100, 10], [100, 160, 300]];

test.each([
  [0, 10],
  [99, 109],
  [100, 300],
  [160, 360],
  [170, 360],
])('second %j of the file is second %j of the lecture', (second, moment) => {
  expect(toLecture(SPANS, second)).toBe(moment);
});

test.each([
  [10, 0, true],
  [60.5, 50.5, true],
  [300, 100, true],
  [350, 150, true],
  // Before it began, in the pause, behind the end.
  [3, 0, false],
  [110, 100, false],
  [299.5, 100, true],
  [9.2, 0, true],
  [400, 159, false],
])('second %j of the lecture is second %j of the file: %j', (moment, second, isThere) => {
  expect(toFile(SPANS, moment)).toEqual({ second, isThere });
});

test('without spans the file begins with the lecture', () => {
  expect(toLecture([], 12)).toBe(12);
  expect(toFile([], 12)).toEqual({ second: 12, isThere: true });
});
