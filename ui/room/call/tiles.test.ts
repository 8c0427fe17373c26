import { Track } from 'livekit-client';
import { expect, test } from 'vitest';
import { person, students } from '../testing/hall';
import { arranged, tilesOf, worthOf } from './tiles';

const worth = (values: Record<string, number>) => new Map(Object.entries(values));

test('who begins to send or talk takes the place of who belongs on the first page least; the others stay', () => {
  const before = ['me', 'a', 'b', 'c', 'd', 'e'];
  const now = worth({ me: 8, a: 2, b: 0, c: 2, d: 0, e: 4 });
  expect(arranged(before, now, 4)).toEqual(['me', 'a', 'e', 'c', 'd', 'b']);
});

test('who has stopped talking stays until the place is needed', () => {
  const before = ['me', 'a', 'b', 'c'];
  expect(arranged(before, worth({ me: 8, a: 0, b: 0, c: 0 }), 2)).toEqual(before);
});

test('a gap on the first page is filled where it is', () => {
  const before = ['me', 'a', 'b', 'c', 'd'];
  expect(arranged(before, worth({ me: 8, b: 0, c: 0, d: 2 }), 3)).toEqual(['me', 'd', 'b', 'c']);
});

test('in a small room the rest moves up, and who is new comes last', () => {
  expect(arranged(['me', 'a', 'b'], worth({ me: 8, b: 0, z: 2 }), 9)).toEqual(['me', 'z', 'b']);
  expect(arranged(['me', 'a'], worth({ me: 8, a: 0, z: 2 }), 9)).toEqual(['me', 'a', 'z']);
});

test('an order that is right is kept as it is', () => {
  const values: Record<string, number> = {};
  for (let i = 0; i < 500; i++) values[`p${i}`] = i % 7;
  const once = arranged([], worth(values), 25);
  expect(once).toHaveLength(500);
  expect(arranged(once, worth(values), 25)).toEqual(once);
});

test('everybody has a tile, the same object as long as the picture is the same, and the agent has none', () => {
  const people = students(500).map((who) => person(who));
  const agent = person({ name: 'Captions' });
  Object.defineProperty(agent, 'isAgent', { value: true });
  const tiles = tilesOf([...people, agent]);
  expect(tiles).toHaveLength(500);
  expect(tilesOf(people)[499]).toBe(tiles[499]);
});

test('oneself, then who talks, sends, hosts', () => {
  const [ada, host] = [person({ name: 'Ada' }), person({ name: 'Emmy', host: true })];
  const camera = (participant: typeof ada) => ({ participant, source: Track.Source.Camera });
  expect(worthOf(camera(ada), [ada])).toBeGreaterThan(worthOf(camera(host), [ada]));
  expect(worthOf(camera(host), [])).toBeGreaterThan(worthOf(camera(ada), []));
});
