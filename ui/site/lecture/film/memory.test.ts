import { beforeEach, expect, test, vi } from 'vitest';
import { keepWay, Place, wayOf } from './memory';

beforeEach(() => localStorage.clear());

test('where one stopped is remembered for each lecture', () => {
  new Place('/lectures/x').keep(750.9, 5400);
  expect(new Place('/lectures/x').get()).toBe(750);
  expect(new Place('/lectures/y').get()).toBeNull();
});

test('who has seen a few seconds begins anew', () => {
  const place = new Place('x');
  place.keep(29, 5400);
  expect(place.get()).toBeNull();
});

test('at the end it is forgotten', () => {
  const place = new Place('x');
  place.keep(750, 5400);
  place.keep(5390, 5400);
  expect(place.get()).toBeNull();
});

test('how fast, how loud and with captions or not is remembered for all', () => {
  expect([wayOf('speed'), wayOf('volume'), wayOf('captions')]).toEqual([1, 1, 0]);
  keepWay('speed', 1.5);
  expect(wayOf('speed')).toBe(1.5);
  localStorage.setItem('film-speed', 'fast');
  expect(wayOf('speed')).toBe(1);
});

test('where the browser remembers nothing the film plays all the same', () => {
  vi.spyOn(Storage.prototype, 'getItem').mockImplementation(() => { throw new DOMException('no'); });
  vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => { throw new DOMException('full'); });
  const place = new Place('x');
  place.keep(750, 5400);
  expect(place.get()).toBeNull();
  expect(wayOf('speed')).toBe(1);
});
