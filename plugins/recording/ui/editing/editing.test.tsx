import type { PageApi } from '@audimax/page';
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EditDesk, type Standing } from './desk';
import { Editing } from './Editing';
import { skips } from './Film';
import { clock, kept, seconds, together } from './times';

class FakeSource extends EventTarget {
  static last: FakeSource;
  constructor(readonly url: string) {
    super();
    FakeSource.last = this;
  }
  close() {}
}

const refusal = (status: number, message: string) => Object.assign(new Error(message), { status });

let standing: Standing;
let asked: [string, string, Record<string, unknown>][];
let refuses: Error | null;

beforeEach(() => {
  vi.stubGlobal('EventSource', FakeSource);
  vi.spyOn(HTMLMediaElement.prototype, 'play').mockResolvedValue();
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  standing = { version: 3, state: 'ready', url: '/files/film', mime: 'video/webm', length: 100, keys: [0, 5, 10, 15, 20, 50, 60], cuts: [], topics: [[0, 'Groups'], [50, 'Rings']], keep_days: 30 };
  asked = [];
  refuses = null;
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const change = (more: Partial<Standing>) => (standing = { ...standing, ...more, version: standing.version + 1 });

function answer(method: string, path: string, body: Record<string, unknown> = {}): Promise<unknown> {
  asked.push([method, path, body]);
  if (refuses) return Promise.reject(refuses);
  if (method !== 'GET' && 'version' in body && body.version !== standing.version) return Promise.reject(refusal(409, 'Somebody else has changed it.'));
  if (path === '/cuts') change({ cuts: body.cuts as Standing['cuts'], state: 'cutting' });
  if (path === '/cuts/again') change({ state: 'cutting' });
  if (path === '/chapters') change({ chapters: (body.chapters as Standing['chapters']) ?? undefined });
  return Promise.resolve(structuredClone(standing));
}

async function open() {
  const fill = (text: string, vars: Record<string, unknown> = {}) => text.replace(/\{(\w+)\}/g, (_, name: string) => String(vars[name]));
  const page = {
    api: {
      get: (path: string) => answer('GET', path),
      put: (path: string, body: Record<string, unknown>) => answer('PUT', path, body),
      post: (path: string, body: Record<string, unknown>) => answer('POST', path, body),
    },
    plugin: { id: 'recording', name: 'recording', config: { lecture: { id: 'x' }, icons: '/icons.svg' }, api: '' },
    signal: new AbortController().signal,
    announce: vi.fn(),
    toast: vi.fn(),
    t: fill,
  } as unknown as PageApi;
  const desk = new EditDesk(page);
  render(<Editing desk={desk} />);
  await act(async () => desk.open());
  return { desk, page, user: userEvent.setup() };
}

const hear = () => act(async () => FakeSource.last.dispatchEvent(new Event('changed')));
const button = (name: string | RegExp) => screen.getByRole('button', { name });
const field = (name: string) => screen.getByRole<HTMLInputElement>('textbox', { name });
const film = () => document.querySelector('video')!;
const sent = () => asked.filter(([method]) => method !== 'GET');

function standAt(second: number) {
  Object.defineProperty(film(), 'currentTime', { value: second, writable: true, configurable: true });
}

test('times are read as people write them', () => {
  expect(['45', '12:30', '1:02:03', ' 7:05,5 ', '0:00.25'].map(seconds)).toEqual([45, 750, 3723, 425.5, 0.25]);
  expect(['', 'x', '1:60', '1:60:00', '-3', '1:2:3:4', '5:'].map(seconds)).toEqual([null, null, null, null, null, null, null]);
  expect([0, 7, 750.54, 3723, 59.96].map(clock)).toEqual(['0:00', '0:07', '12:30.5', '1:02:03', '1:00']);
});

test('what is kept goes on at a key frame', () => {
  const keys = [0, 5, 10, 15];
  expect(kept([[2, 6]], keys, 20)).toEqual([[0, 2], [10, 20]]);
  expect(kept([[0, 5], [9, 11]], keys, 20)).toEqual([[5, 9], [15, 20]]);
  expect(kept([[12, 20]], keys, 20)).toEqual([[0, 12]]);
  expect(kept([[0, 20]], keys, 20)).toEqual([]);
  expect(together([[0, 2], [10, 20]])).toBe(12);
});

test('the film leaves out what is to go', () => {
  const cuts: [number, number][] = [[3, 6], [8, 9]];
  expect([2.9, 3, 5.9, 5.99, 8.5].map((second) => skips(cuts, second))).toEqual([null, 6, 6, null, 9]);
});

test('a passage is added where the film stands, changed by typing, and cut once it was asked', async () => {
  const { user } = await open();
  standAt(12.34);
  await user.click(button('Passage from here'));
  expect(field('Passage 1 begins').value).toBe('0:12.3');
  fireEvent.change(field('Passage 1 ends'), { target: { value: '0:1' } });
  expect(field('Passage 1 ends').value).toBe('0:1');
  fireEvent.change(field('Passage 1 ends'), { target: { value: '0:15' } });
  expect(screen.getByText(/1:37.3 of 1:40 remain/)).toBeTruthy();
  await user.click(button('Cut'));
  const dialog = screen.getByRole('dialog', { hidden: true });
  expect(dialog.textContent).toContain('0:12.3 – 0:15');
  expect(dialog.textContent).toContain('You can take that back for 30 days');
  expect(sent()).toEqual([]);
  await user.click(within(dialog).getByRole('button', { name: 'Cut', hidden: true }));
  expect(sent()).toEqual([['PUT', '/cuts', { version: 3, cuts: [[12.3, 15]] }]]);
  expect(screen.getByText(/The film is being made/)).toBeTruthy();
});

test('a time that cannot be read is marked and changes nothing', async () => {
  const { user, desk } = await open();
  await user.click(button('All before here'));
  fireEvent.change(field('Passage 1 ends'), { target: { value: 'soon' } });
  expect(field('Passage 1 ends').getAttribute('aria-invalid')).toBe('true');
  expect(desk.shownCuts).toEqual([[0, 0]]);
});

test('passages are sent in order, however they were added', async () => {
  const { user, desk } = await open();
  standAt(60);
  await user.click(button('All after here'));
  standAt(5);
  await user.click(button('All before here'));
  await act(() => desk.saveCuts());
  expect(sent()[0][2].cuts).toEqual([[0, 5], [60, 100]]);
});

test('all cuts are taken back', async () => {
  change({ cuts: [[3, 6]], undo_until: 2_000_000_000 });
  const { user } = await open();
  expect(screen.getByText(/The uncut film is kept until/)).toBeTruthy();
  await user.click(button('Take all cuts back'));
  await user.click(screen.getByRole('button', { name: 'Take back', hidden: true }));
  expect(sent()).toEqual([['PUT', '/cuts', { version: 4, cuts: [] }]]);
});

test('what can never be taken back says so', async () => {
  change({ keep_days: 0 });
  const { user } = await open();
  await user.click(button('All before here'));
  await user.click(button('Cut'));
  expect(screen.getByRole('dialog', { hidden: true }).textContent).toContain('That can’t be taken back');
  await user.click(screen.getByRole('button', { name: 'Cancel', hidden: true }));
  expect(sent()).toEqual([]);
});

test('a refusal is said in its own words, and nothing is lost', async () => {
  const { user, desk } = await open();
  standAt(30);
  await user.click(button('Passage from here'));
  refuses = refusal(422, 'Passage 1 ends before it begins.');
  await act(async () => void (await desk.saveCuts()));
  expect(screen.getByRole('alert').textContent).toContain('ends before it begins');
  expect(field('Passage 1 begins').value).toBe('0:30');
});

test('somebody else’s change is shown, and one’s own is kept until one decides', async () => {
  const { user, desk } = await open();
  await user.click(button('All after here'));
  change({ cuts: [[1, 2]] });
  await hear();
  expect(screen.getByRole('alert').textContent).toContain('Somebody else has changed');
  expect((button('Cut') as HTMLButtonElement).disabled).toBe(true);
  await user.click(button('Go on with mine'));
  expect(desk.shownCuts).toHaveLength(1);
  await act(() => desk.saveCuts());
  expect(sent()[0][2].version).toBe(4);
});

test('the film being ready is no change of somebody else', async () => {
  change({ state: 'cutting', cuts: [[3, 6]] });
  const { desk, user } = await open();
  await user.click(button('All after here'));
  change({ state: 'ready' });
  await hear();
  expect(desk.conflict).toBe(false);
  expect(screen.queryByText(/The film is being made/)).toBeNull();
});

test('chapters begin as the topics, and are saved as they were left', async () => {
  const { user } = await open();
  expect(field('Title of chapter 2').value).toBe('Rings');
  expect((button('Save the chapters') as HTMLButtonElement).disabled).toBe(true);
  fireEvent.change(field('Title of chapter 2'), { target: { value: 'Fields' } });
  standAt(70);
  await user.click(button('Chapter from here'));
  fireEvent.change(field('Title of chapter 3'), { target: { value: 'End' } });
  await user.click(button('Remove chapter 1'));
  await user.click(button('Save the chapters'));
  expect(sent()).toEqual([['PUT', '/chapters', { version: 3, chapters: [[50, 'Fields'], [70, 'End']] }]]);
  await user.click(button('Use the topics'));
  expect(sent()[1]).toEqual(['PUT', '/chapters', { version: 4, chapters: null }]);
});

test('a failure offers another try', async () => {
  change({ state: 'failed', cuts: [[3, 6]] });
  const { user } = await open();
  await user.click(button('Try again'));
  expect(sent()).toEqual([['POST', '/cuts/again', {}]]);
});

test('without a recording, or without an answer, the page says so', async () => {
  change({ state: 'none' });
  await open();
  expect(screen.getByText('There is no finished recording of this lecture.')).toBeTruthy();
  cleanup();
  refuses = refusal(503, 'The server is away.');
  const { user } = await open();
  expect(screen.getByRole('alert').textContent).toContain('The server is away.');
  refuses = null;
  change({ state: 'ready' });
  await user.click(button('Try again'));
  expect(button('Passage from here')).toBeTruthy();
});
