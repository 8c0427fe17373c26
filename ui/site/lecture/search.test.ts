import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';
import { Rest } from './rest';
import { Search } from './search';
import { answering, line, openPage, prose, TALK, timeline } from './testing';

let page: HTMLElement;
let search: Search;
let input: HTMLInputElement;
let who: HTMLSelectElement;
const reached = vi.fn();

function open(...sections: string[]) {
  page = openPage(...sections);
  const rest = new Rest(page, () => search.refresh(), () => Promise.resolve());
  search = new Search(page.querySelector('form')!, page, rest, reached);
  input = page.querySelector('input')!;
  who = page.querySelector('select')!;
}

const count = () => page.querySelector('.search-count')!.textContent;
const marks = () => [...page.querySelectorAll('mark')].map((one) => one.textContent);
const current = () => page.querySelector('mark.is-current')?.closest('p')?.textContent;

async function look(words: string) {
  input.value = words;
  await search.look();
}

beforeEach(() => open(prose('Groups and their <b></b>actions.'), timeline()));

test('all places are marked and counted, Enter goes on, Shift and Enter back, round and round', async () => {
  const user = userEvent.setup();
  await user.type(input, 'GROUP');
  await vi.waitFor(() => expect(count()).toBe('1 of 4'));
  expect(marks()).toEqual(['Group', 'group', 'group', 'group']);
  await user.keyboard('{Enter}');
  expect(count()).toBe('2 of 4');
  expect(current()).toBe('Good morning. A group acts.');
  await user.keyboard('{Shift>}{Enter}{/Shift}{Shift>}{Enter}{/Shift}');
  expect(count()).toBe('4 of 4');
  expect(current()).toBe('Yes, a subgroup.');
  await user.keyboard('{Escape}');
  expect([input.value, marks(), page.querySelector<HTMLElement>('.search-found')!.hidden]).toEqual(['', [], true]);
  expect(page.querySelector('.prose')?.textContent).toBe('Groups and their actions.');
});

test('whoever comes from the search over all lectures finds its words marked, at the moment they came for', async () => {
  page.querySelectorAll('.timeline > li')[2].classList.add('is-here');
  await search.begin('group');
  expect([input.value, count(), current()]).toEqual(['group', '3 of 4', 'Is the image a group too?']);
});

test('whoever goes on to a place has come there, but whoever types has not', async () => {
  reached.mockClear();
  await look('group');
  expect(reached).not.toHaveBeenCalled();
  await search.step(1);
  expect(reached.mock.lastCall?.[0].textContent).toBe('Good morning. A group acts.');
  input.value = 'kernel';
  await search.step(1);
  expect(reached.mock.lastCall?.[0].textContent).toBe('The kernel is normal.');
});

test('the buttons do the same', async () => {
  await look('group');
  page.querySelector<HTMLButtonElement>('[type=submit]')!.click();
  expect(count()).toBe('2 of 4');
  page.querySelector<HTMLButtonElement>('[data-step]')!.click();
  expect(count()).toBe('1 of 4');
});

test('one speaker: their lines alone, without a word all of them', async () => {
  expect([...who.options].map((one) => one.value)).toEqual(['', 'Emmy', 'Ada']);
  expect(who.hidden).toBe(false);
  who.value = 'Emmy';
  await look('group');
  expect(count()).toBe('1 of 2');
  await look('');
  expect(count()).toBe('1 of 3');
  expect(marks()).toEqual([]);
  who.value = 'Ada';
  await look('kernel');
  expect(count()).toBe('Nothing found by Ada.');
});

test('a host is one person, in the chat and in the transcript, marked or not', async () => {
  const chat = line({ at: '0:09', who: 'Emmy', text: 'Look at the board.', byHost: true });
  open(timeline(), timeline({ lines: chat }, 'chat'));
  expect([...who.options].map((one) => one.value)).toEqual(['', 'Emmy', 'Ada']);
  who.value = 'Emmy';
  await look('');
  expect(count()).toBe('1 of 4');
});

test.each([
  ['x'.repeat(10_000), 'Please use at most 200 characters.'],
  ['"""', 'Type a word to look for.'],
  ['nowhere', 'Nothing found.'],
])('words for %#', async (words, says) => {
  await look(words);
  expect(count()).toBe(says);
  expect(page.querySelector<HTMLElement>('.search-found')!.hidden).toBe(false);
  expect(marks()).toEqual([]);
});

test('what is not loaded yet is found too', async () => {
  open(timeline({ lines: line(TALK[0]), more: 4 }));
  answering({ '/lectures/x/sections/talk?from=1': `<ol data-digest="d1">${TALK.slice(1).map((one) => line(one)).join('')}</ol>` });
  const looking = look('subgroup');
  expect(count()).toBe('Loading all lines …');
  await looking;
  expect(count()).toBe('1 of 1');
});

test('new content keeps the search where it was', async () => {
  await look('group');
  await search.step(1);
  page.querySelector('.prose')!.textContent = 'Nothing of that.';
  search.refresh();
  expect(count()).toBe('1 of 3');
  expect(current()).toBe('Good morning. A group acts.');
});

test('a tag that is looked for stays text', async () => {
  open(prose('a &lt;img src=x&gt; b'));
  await look('<img');
  expect(marks()).toEqual(['<img']);
  expect(page.querySelector('img')).toBeNull();
});

test('what is found in the name of a topic leaves its link as it was', async () => {
  const topics = '<section class="lecture-section" id="topics"><dl class="facts"><dt><a href="#t=0:05">0:05</a> <span>Kernels</span></dt><dd>Why they matter.</dd><dt>Length</dt><dd>1 h</dd></dl></section>';
  open(topics, timeline());
  await look('kernel');
  expect(count()).toBe('1 of 2');
  expect(page.querySelector('dt > a')?.getAttribute('href')).toBe('#t=0:05');
  expect(page.querySelector('dt')?.textContent).toBe('0:05 Kernels');
  await look('length');
  expect(marks()).toEqual(['Length']);
});
