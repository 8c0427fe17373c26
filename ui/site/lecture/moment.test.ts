import { beforeEach, expect, test } from 'vitest';
import { goToMoment, momentOf } from './moment';
import { Rest } from './rest';
import { answering, line, openPage, TALK, timeline } from './testing';

let page: HTMLElement;

const go = async (hash: string) => {
  history.replaceState(null, '', hash || '/lectures/x');
  await goToMoment(page, new Rest(page, () => undefined, () => Promise.resolve()));
  return page.querySelector('.is-here p')?.textContent ?? null;
};

beforeEach(() => {
  page = openPage(timeline(), timeline({ lines: line({ at: '0:30', who: 'Bob', text: 'Hello.' }, 'chat') }, 'chat'));
});

test.each([
  ['#t=1:02:03', { seconds: 3723, within: '' }],
  ['#t=0:30&in=chat', { seconds: 30, within: 'chat' }],
  ['#t=nonsense', null],
  ['#summary', null],
  ['', null],
])('%j names %j', (hash, moment) => {
  expect(momentOf(hash)).toEqual(moment);
});

test.each([
  ['#t=0:00', TALK[0].text],
  ['#t=0:59', TALK[1].text],
  ['#t=1:00', TALK[2].text],
  ['#t=9:00:00', TALK[3].text],
  ['#t=0:45&in=chat', 'Hello.'],
  ['#t=0:05&in=gone', TALK[1].text],
  ['#t=x', null],
])('%s marks the last line that had begun', async (hash, text) => {
  expect(await go(hash)).toBe(text);
});

test('its link has the focus, and one line is marked at a time', async () => {
  await go('#t=0:05');
  await go('#t=1:00');
  expect(page.querySelectorAll('.is-here')).toHaveLength(1);
  expect(document.activeElement?.textContent).toBe('1:00');
});

test('a moment in what is not loaded yet is waited for', async () => {
  page = openPage(timeline({ lines: line(TALK[0]), more: 4 }));
  answering({ '/lectures/x/sections/talk?from=1': `<ol data-digest="d1">${TALK.slice(1).map((one) => line(one)).join('')}</ol>` });
  expect(await go('#t=1:02:03')).toBe(TALK[3].text);
});
