import { expect, test } from 'vitest';
import { openPage, TALK, timeline } from '../testing';
import { lastNotAfter } from './order';
import { Transcript } from './transcript';

function opened() {
  const page = openPage(timeline());
  const transcript = new Transcript();
  transcript.read(page.querySelector('ol.timeline'));
  return { page, transcript };
}

const marked = (page: Element) => [...page.querySelectorAll('.is-playing')].map((one) => one.querySelector('p')!.textContent);

test('the line that is spoken is marked, one at a time', () => {
  const { page, transcript } = opened();
  expect(transcript.mark(0.5)).toBeNull();
  transcript.mark(1);
  expect(marked(page)).toEqual([TALK[0].text]);
  transcript.mark(59.9);
  expect(marked(page)).toEqual([TALK[1].text]);
  expect(page.querySelectorAll('[aria-current]')).toHaveLength(1);
  transcript.mark(9999);
  expect(marked(page)).toEqual([TALK[3].text]);
});

test('the same line is no news', () => {
  const { transcript } = opened();
  expect(transcript.mark(5)).not.toBeNull();
  expect(transcript.mark(6)).toBeNull();
});

test('before the first line none is marked any more', () => {
  const { page, transcript } = opened();
  transcript.mark(5);
  transcript.mark(0);
  expect(marked(page)).toEqual([]);
});

test('without a transcript there is nothing to mark', () => {
  const transcript = new Transcript();
  transcript.read(null);
  expect(transcript.isEmpty).toBe(true);
  expect(transcript.mark(5)).toBeNull();
});

test('of a hundred thousand lines twenty are looked at', () => {
  let looked = 0;
  const at = (item: number) => {
    looked++;
    return item;
  };
  const items = Array.from({ length: 100_000 }, (_, item) => item);
  expect(lastNotAfter(items, at, 77_777.5)).toBe(77_777);
  expect(looked).toBeLessThan(20);
});
