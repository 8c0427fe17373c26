import { beforeEach, expect, test } from 'vitest';
import { Captions, clock, colourOf, COLOURS, GUESS_LIVES_MS, isSegment, MOST_LINES, steady, turnsOf, type Segment } from './captions';

let now = 0;
let captions: Captions;
const segment = (id: string, text: string, more: Partial<Segment> = {}): Segment => ({
  type: 'segment', id, identity: 'ada', name: 'Ada', text, at: 1, language: 'en', final: false, ...more,
});
const texts = () => captions.all().map((line) => line.text);

beforeEach(() => {
  now = 0;
  captions = new Captions(() => now);
});

test('a guess grows and is replaced by what is for good', () => {
  captions.hear(segment('1', 'Good'));
  captions.hear(segment('1', 'Good morn'));
  captions.hear(segment('1', 'Good morning.', { final: true }));
  expect(texts()).toEqual(['Good morning.']);
  expect(captions.all()[0].final).toBe(true);
});

test('a guess that comes late never beats what is for good, and a line comes once', () => {
  captions.hear(segment('1', 'Good morning.', { final: true }));
  captions.hear(segment('1', 'Good mourning'));
  captions.hear(segment('1', 'Something else.', { final: true }));
  expect(texts()).toEqual(['Good morning.']);
});

test('a guess is taken back by an empty one', () => {
  captions.hear(segment('1', 'Hm'));
  captions.hear(segment('1', ''));
  expect(texts()).toEqual([]);
});

test('words that a guess loses for a moment stay, words that change are changed', () => {
  expect(steady('the light of the stars', 'the light of')).toBe('the light of the stars');
  expect(steady('the light of the stars', 'the lights of the')).toBe('the lights of the');
  expect(steady('', 'the')).toBe('the');
});

test('two who speak at once keep apart, in the order in which they began', () => {
  captions.hear(segment('2', 'I think', { identity: 'bob', name: 'Bob', at: 5 }));
  captions.hear(segment('1', 'And so', { at: 4 }));
  captions.hear(segment('2', 'I think not.', { identity: 'bob', name: 'Bob', at: 5, final: true }));
  expect(texts()).toEqual(['And so', 'I think not.']);
});

test('a guess that nobody finishes goes away', () => {
  captions.hear(segment('1', 'Er'));
  now = GUESS_LIVES_MS + 1;
  captions.hear(segment('2', 'Well'));
  expect(captions.prune()).toBe(true);
  expect(texts()).toEqual(['Well']);
});

test('who leaves or objects says nothing half', () => {
  captions.hear(segment('1', 'Half', { identity: 'bob' }));
  captions.hear(segment('2', 'Whole.', { identity: 'bob', final: true }));
  captions.silence('bob');
  expect(texts()).toEqual(['Whole.']);
});

test('a page of three hours keeps the last lines only', () => {
  for (let n = 0; n < MOST_LINES + 20; n++) captions.hear(segment(`${n}`, `Line ${n}.`, { at: n, final: true }));
  expect(captions.all().length).toBe(MOST_LINES);
  expect(texts()[0]).toBe('Line 20.');
});

test('what the server has kept comes before, and takes the place of guesses', () => {
  captions.hear(segment('2', 'Now', { at: 9 }));
  captions.keep([
    { id: '1', identity: 'ada', name: 'Ada', text: 'Before.', at: 2, language: 'en', gap: false },
    { id: '2', identity: 'ada', name: 'Ada', text: 'Now it is.', at: 9, language: 'en', gap: false },
  ]);
  expect(texts()).toEqual(['Before.', 'Now it is.']);
});

test('lines of one speaker are one turn, until somebody else speaks, nobody listened, or it gets long', () => {
  const line = (id: string, identity: string, gap = false) => ({ ...segment(id, id, { identity, name: identity }), final: true, gap });
  const turns = turnsOf([line('1', 'a'), line('2', 'a'), line('3', 'b'), line('4', '', true), line('5', 'b')]);
  expect(turns.map((turn) => turn.lines.length)).toEqual([2, 1, 1, 1]);
  expect(turnsOf(Array.from({ length: 9 }, (_, n) => line(`${n}`, 'a'))).map((turn) => turn.lines.length)).toEqual([8, 1]);
});

test('moments are written as clocks, and a person has one colour', () => {
  expect([0, 7, 750, 3723].map(clock)).toEqual(['0:00', '0:07', '12:30', '1:02:03']);
  expect(colourOf('ada')).toBe(colourOf('ada'));
  expect(colourOf('ada')).toBeLessThan(COLOURS);
});

test('only a packet that is a segment is one', () => {
  expect(isSegment(segment('1', 'x'))).toBe(true);
  for (const other of [null, 'x', {}, { type: 'segment' }, { ...segment('1', 'x'), text: 5 }, { ...segment('1', 'x'), at: '1' }]) {
    expect(isSegment(other)).toBe(false);
  }
});
