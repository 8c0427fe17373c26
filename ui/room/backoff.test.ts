import { expect, test } from 'vitest';
import { backoff } from './backoff';

test('pauses double up to the longest', () => {
  const pauses = backoff(1000, 5000, () => 1);
  expect([1, 2, 3, 4, 5].map(() => pauses.next())).toEqual([1000, 2000, 4000, 5000, 5000]);
});

test('the jitter takes up to half away', () => {
  expect(backoff(1000, 5000, () => 0).next()).toBe(500);
});

test('after a success it begins again', () => {
  const pauses = backoff(1000, 5000, () => 1);
  pauses.next();
  pauses.next();
  pauses.reset();
  expect(pauses.next()).toBe(1000);
});
