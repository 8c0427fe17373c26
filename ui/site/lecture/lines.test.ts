import { expect, test } from 'vitest';
import { fragment, linesOf, place, secondsOf, timeOf, trim } from './lines';
import { line, openPage, TALK, texts, timeline } from './testing';

const parsed = (...lines: typeof TALK) => [...fragment(lines.map((one) => line(one)).join('')).children];

test.each([
  ['7', 7],
  ['0:07', 7],
  ['62:03', 3723],
  ['1:02:03', 3723],
  ['', null],
  ['1:2:3:4', null],
  ['-1', null],
  ['1:xx', null],
])('%j is %j seconds', (clock, seconds) => {
  expect(secondsOf(clock)).toBe(seconds);
});

test('a line that says the same is left alone, with everything the page has done to it', () => {
  const list = openPage(timeline()).querySelector('ol')!;
  const [kept, other] = linesOf(list);
  kept.classList.add('is-here');
  kept.querySelector('p')!.innerHTML = 'Good <mark>morning</mark>. A group acts.';
  place(list, parsed(TALK[0], { at: '0:05', text: 'The kernel is a normal subgroup.' }), 0);
  expect(linesOf(list)[0]).toBe(kept);
  expect(kept.querySelector('mark')).not.toBeNull();
  expect(linesOf(list)[1]).toBe(other);
  expect(texts(list.parentElement!)[1]).toBe('The kernel is a normal subgroup.');
});

test('another speaker makes another line', () => {
  const list = openPage(timeline()).querySelector('ol')!;
  linesOf(list)[1].classList.add('is-here');
  place(list, parsed({ ...TALK[1], who: 'Ada' }), 1);
  expect(linesOf(list)[1].className).toBe('turn is-here');
  expect(linesOf(list)[1].querySelector('strong')?.textContent).toBe('Ada');
});

test('new lines are appended, surplus ones go', () => {
  const list = openPage(timeline()).querySelector('ol')!;
  place(list, parsed(TALK[3], { at: '2:00:00', text: 'The end.' }), 3);
  expect(linesOf(list)).toHaveLength(5);
  expect(timeOf(linesOf(list)[4])).toBe(7200);
  trim(list, 2);
  expect(linesOf(list)).toHaveLength(2);
});
