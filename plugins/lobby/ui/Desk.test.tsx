import type { PageApi } from '@audimax/page';
import { act, cleanup, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Desk } from './Desk';
import { Door, type DoorState, type Person } from './door';

class FakeSocket extends EventTarget {
  static made: FakeSocket[] = [];
  closed = false;
  constructor(readonly url: string) {
    super();
    FakeSocket.made.push(this);
  }
  close() {
    this.closed = true;
  }
  say(state: DoorState) {
    act(() => void this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(state) })));
  }
  end(code: number) {
    act(() => void this.dispatchEvent(Object.assign(new Event('close'), { code })));
  }
}

const person = (name: string, more: Partial<Person> = {}): Person => ({
  id: `id-${name}`,
  name,
  since: new Date(Date.now() - 125_000).toISOString(),
  returning: false,
  gone: false,
  account: false,
  asked_before: false,
  doubled: false,
  like_host: false,
  listed: false,
  named: false,
  ...more,
});

const stateOf = (people: Person[], more: Partial<DoorState> = {}): DoorState => ({
  live: true,
  who_waits: 'everyone',
  open: false,
  message: '',
  class_list: 0,
  total: people.length,
  found: people.length,
  ready: 0,
  people,
  rejected: [],
  decided: [],
  ...more,
});

function open(answer: unknown = { done: 1, already: [], live: true }) {
  const kept = new Map<string, unknown>();
  const page = {
    api: { post: vi.fn().mockResolvedValue(answer) },
    plugin: { id: 'lobby', name: 'lobby', config: { now: new Date(performance.timeOrigin).toISOString() }, api: '/api/rooms/r/lobby' },
    signal: new AbortController().signal,
    storage: { get: (key: string, fallback: unknown) => kept.get(key) ?? fallback, set: (key: string, value: unknown) => kept.set(key, value) },
    toast: vi.fn(),
    announce: vi.fn(),
    t: (text: string, vars: Record<string, string | number> = {}) => text.replace(/\{(\w+)\}/g, (_, name: string) => String(vars[name])),
  };
  const door = new Door(page as unknown as PageApi);
  door.open();
  render(<Desk door={door} />);
  const socket = () => FakeSocket.made.at(-1)!;
  return { door, page, socket };
}

beforeEach(() => {
  FakeSocket.made = [];
  document.title = 'Algebra';
  vi.stubGlobal('WebSocket', FakeSocket);
  HTMLDialogElement.prototype.showModal = function showModal(this: HTMLDialogElement) {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function close(this: HTMLDialogElement) {
    this.open = false;
    this.dispatchEvent(new Event('close'));
  };
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('it says that it looks, who waits and since when, and what is odd about them', () => {
  const { socket } = open();
  expect(screen.getByRole('status').textContent).toBe('Looking who is there …');
  socket().say(stateOf([person('Ada', { returning: true }), person('Emmy', { like_host: true, gone: true })]));
  expect(screen.getByText('2 waiting')).toBeTruthy();
  expect(screen.getAllByText('2 min')).toHaveLength(2);
  for (const words of ['· was here before', '· new', 'a host’s name', 'gone']) expect(screen.getByText(words)).toBeTruthy();
  expect(document.title).toBe('(2) Algebra');
});

test('one is let in, and the second click reads who was faster', async () => {
  const { page, socket } = open({ done: 0, already: [{ id: 'id-Ada', name: 'Ada', state: 'approved', by: 'Grace' }], live: true });
  socket().say(stateOf([person('Ada')]));
  await userEvent.click(screen.getByRole('button', { name: 'Let in Ada' }));
  expect(page.api.post).toHaveBeenCalledWith('/decide', { ids: ['id-Ada'], verdict: 'admit' });
  expect(page.toast).toHaveBeenCalledWith('Grace has let Ada in already.');
});

test('those selected are sent away together, with words', async () => {
  const { page, socket } = open();
  socket().say(stateOf([person('Ada'), person('Bob'), person('Kay')]));
  await userEvent.click(screen.getByRole('checkbox', { name: 'Select all shown' }));
  await userEvent.click(screen.getByRole('checkbox', { name: /^Bob/ }));
  await userEvent.click(within(screen.getByRole('group', { name: 'Those selected' })).getByRole('button', { name: 'Send away' }));
  await userEvent.type(screen.getByLabelText('What they read (optional)'), 'Full names, please.');
  await userEvent.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Send away' }));
  expect(page.api.post).toHaveBeenCalledWith('/decide', { ids: ['id-Ada', 'id-Kay'], verdict: 'reject', words: 'Full names, please.' });
});

test('the class list selects nobody whose name is doubtful', async () => {
  const { door, socket } = open();
  socket().say(stateOf([person('Ada', { named: true }), person('Bob', { named: true, doubled: true }), person('Emmy', { named: true, like_host: true }), person('Eve')]));
  await userEvent.click(screen.getByRole('button', { name: 'Select the class list (1)' }));
  expect([...door.selected]).toEqual(['id-Ada']);
});

test('whoever was decided about elsewhere isn’t selected any more', () => {
  const { door, socket } = open();
  socket().say(stateOf([person('Ada'), person('Bob')]));
  act(() => door.select(['id-Ada', 'id-Bob']));
  socket().say(stateOf([person('Bob')]));
  expect([...door.selected]).toEqual(['id-Bob']);
});

test('a burst of arrivals is announced once; those who were there first aren’t', () => {
  vi.useFakeTimers();
  const { page, socket } = open();
  socket().say(stateOf([person('Ada')]));
  for (let count = 1; count <= 30; count += 1) {
    socket().say(stateOf([person('Ada'), ...Array.from({ length: count }, (_, n) => person(`Guest ${n}`))]));
  }
  act(() => void vi.advanceTimersByTime(2000));
  expect(page.announce.mock.calls).toEqual([['New in the waiting room: 30']]);
});

test('the search is made on the server and rings for nobody', () => {
  vi.useFakeTimers();
  const { door, page, socket } = open();
  socket().say(stateOf([person('Ada')]));
  act(() => door.look('bo b'));
  act(() => void vi.advanceTimersByTime(400));
  expect(FakeSocket.made[0].closed).toBe(true);
  expect(socket().url).toMatch(/\/api\/rooms\/r\/lobby\/live\?q=bo%20b$/);
  socket().say(stateOf([person('Bob')], { total: 2 }));
  act(() => void vi.advanceTimersByTime(2000));
  expect(page.announce).not.toHaveBeenCalled();
});

test('a lost line is said and opened again; who is no host any more is told', () => {
  vi.useFakeTimers();
  const { socket } = open();
  socket().say(stateOf([]));
  socket().end(1006);
  expect(screen.getByText('The connection was lost. Trying again …')).toBeTruthy();
  act(() => void vi.advanceTimersByTime(1000));
  expect(FakeSocket.made).toHaveLength(2);
  socket().end(4401);
  expect(screen.getByRole('alert').textContent).toContain('no host of this room any more');
  act(() => void vi.advanceTimersByTime(60_000));
  expect(FakeSocket.made).toHaveLength(2);
});

test('who was sent away can come in after all; sound is a choice that is kept', async () => {
  const { page, door, socket } = open();
  socket().say(stateOf([], { rejected: [{ id: 'r', name: 'Eve', state: 'rejected', words: 'No', by: 'Grace', at: '', times: 2 }] }));
  await userEvent.click(screen.getByText('Sent away (1)'));
  await userEvent.click(screen.getByRole('button', { name: 'Let in after all: Eve' }));
  await waitFor(() => expect(page.api.post).toHaveBeenCalledWith('/decide', { ids: ['r'], verdict: 'admit', rejected: true }));
  const sound = screen.getByRole('button', { name: 'Sound' });
  expect(sound.getAttribute('aria-pressed')).toBe('true');
  await userEvent.click(sound);
  expect(door.hasSound).toBe(false);
});
