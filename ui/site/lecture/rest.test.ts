import { expect, test, vi } from 'vitest';
import { Rest } from './rest';
import { answering, line, openPage, TALK, texts, timeline } from './testing';

const piece = (lines: typeof TALK, digest = 'd1') => `<ol data-digest="${digest}">${lines.map((one) => line(one)).join('')}</ol>`;
const first = line(TALK[0]);

function rest(page: HTMLElement, stale = () => Promise.resolve()) {
  const came = vi.fn();
  return { came, rest: new Rest(page, came, stale) };
}

test('the rest comes piece by piece into the same list', async () => {
  const page = openPage(timeline({ lines: first, more: 4 }));
  const asked = answering({
    '/lectures/x/sections/talk?from=1': piece(TALK.slice(1, 3)),
    '/lectures/x/sections/talk?from=3': piece(TALK.slice(3)),
  });
  const made = rest(page);
  expect(made.rest.isComplete).toBe(false);
  expect(await made.rest.load()).toBe(true);
  expect(texts(page)).toEqual(TALK.map((one) => one.text));
  expect(page.querySelector('.timeline-more')).toBeNull();
  expect(made.rest.isComplete).toBe(true);
  expect(asked).toHaveLength(2);
  expect(made.came).toHaveBeenCalledTimes(3);
});

test('asked for twice it is fetched once', async () => {
  const page = openPage(timeline({ lines: first, more: 4 }));
  const asked = answering({ '/lectures/x/sections/talk?from=1': piece(TALK.slice(1)) });
  const made = rest(page);
  await Promise.all([made.rest.load(), made.rest.load()]);
  expect(asked).toHaveLength(1);
});

test('what cannot be had says so, and is had by the button', async () => {
  vi.useFakeTimers();
  const page = openPage(timeline({ lines: first, more: 4 }));
  const asked = answering({ '/lectures/x/sections/talk?from=1': 503 });
  const made = rest(page);
  const loaded = made.rest.load();
  await vi.runAllTimersAsync();
  expect(await loaded).toBe(false);
  expect(asked).toHaveLength(4);
  expect(page.querySelector('.timeline-more')?.textContent).toContain('could not be loaded');
  answering({ '/lectures/x/sections/talk?from=1': piece(TALK.slice(1)) });
  page.querySelector<HTMLButtonElement>('.timeline-more button')!.click();
  await vi.runAllTimersAsync();
  expect(texts(page)).toHaveLength(4);
  vi.useRealTimers();
});

test('where the section has changed meanwhile, the page looks again before it reads on', async () => {
  const page = openPage(timeline({ lines: first, more: 4 }));
  answering({ '/lectures/x/sections/talk?from=1': piece(TALK.slice(1), 'd2') });
  const stale = vi.fn(() => {
    page.querySelector<HTMLElement>('section')!.dataset.digest = 'd2';
    return Promise.resolve();
  });
  expect(await rest(page, stale).rest.load()).toBe(true);
  expect(stale).toHaveBeenCalledTimes(1);
  expect(texts(page)).toHaveLength(4);
});

test('a section that changes without end is given up', async () => {
  const page = openPage(timeline({ lines: first, more: 4 }));
  answering({});
  const stale = vi.fn(() => Promise.resolve());
  expect(await rest(page, stale).rest.load()).toBe(false);
  expect(stale).toHaveBeenCalledTimes(4);
});

test('lines of before that are no more are taken away', async () => {
  const page = openPage(timeline({ more: 3 }));
  page.querySelector<HTMLElement>('.timeline-more')!.dataset.from = '1';
  answering({ '/lectures/x/sections/talk?from=1': piece([TALK[1], TALK[3]]) });
  await rest(page).rest.load();
  expect(texts(page)).toEqual([TALK[0].text, TALK[1].text, TALK[3].text]);
});
