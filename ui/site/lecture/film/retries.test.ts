import { expect, test } from 'vitest';
import { anew, Retries } from './retries';

test('it is fetched anew twice in a minute, then no more until the minute is over', () => {
  const retries = new Retries();
  expect([0, 10_000, 20_000, 59_999].map((now) => retries.take(now))).toEqual([true, true, false, false]);
  expect(retries.take(60_000)).toBe(true);
  expect(retries.take(61_000)).toBe(false);
});

test('whoever asks for it gets it', () => {
  const retries = new Retries();
  retries.take(0);
  retries.take(1);
  retries.forget();
  expect(retries.take(2)).toBe(true);
});

test('the address is another one each time, of the same file', () => {
  expect(anew('/files/abc', 5)).toBe('http://localhost:3000/files/abc?again=5');
  expect(anew('/files/abc?v=1', 6)).toBe('http://localhost:3000/files/abc?v=1&again=6');
});
