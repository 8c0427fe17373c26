/** The browser parts of the packages that the documentation shows and makes, on the real host of plugins. */
import { EventEmitter } from 'node:events';
import { createElement, type ReactNode } from 'react';
import { act, cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { ConnectionState, RoomEvent, type Room } from 'livekit-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PluginView, useRegistry } from '../call/fences';
import { PluginHost } from '../call/host';
import { admission, pageConfig, pluginEntry } from './room';

type Answer = { status: number; body?: unknown };
let asked: string[] = [];
let answers: Record<string, Answer> = {};

beforeEach(() => {
  asked = [];
  answers = {};
  vi.stubGlobal('fetch', async (address: string, { method, body }: { method: string; body?: string }) => {
    const path = address.replace(/^\/api\/rooms\/room\/\w+/, '');
    asked.push(`${method} ${path}${body && body !== '{}' ? ` ${body}` : ''}`);
    const { status, body: said } = answers[`${method} ${path}`] ?? { status: 404 };
    return new Response(status === 204 ? null : JSON.stringify(said ?? {}), { status });
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const MODULES = {
  // @ts-expect-error -- plain JavaScript, as third parties write it
  poll: () => import('../../../tests/third_party/audimax_poll/audimax_poll/static/room.js'),
  // @ts-expect-error -- plain JavaScript
  hello: () => import('../../../core/kit/skeleton/panel/audimax_hello/static/room.js'),
  // @ts-expect-error -- plain JavaScript
  example: () => import('../../../tests/example_plugin/audimax_example/static/room.js'),
};

async function open(name: keyof typeof MODULES, role: 'guest' | 'host', config: Record<string, unknown> = {}) {
  const page = pageConfig({ plugins: [pluginEntry(name, { config })] });
  const room = new EventEmitter() as unknown as Room;
  const host = new PluginHost(page, { ...admission, role }, room);
  await host.loadAll(MODULES[name]);
  expect(host.failures).toEqual([]);
  function Panel(): ReactNode {
    useRegistry(host.registry);
    return createElement(PluginView, { entry: host.registry.list('panel')[0], host });
  }
  render(createElement(Panel));
  const send = (payload: unknown) =>
    act(async () => void room.emit(RoomEvent.DataReceived, new TextEncoder().encode(JSON.stringify(payload)), undefined, 0, name));
  const connect = () => act(async () => void room.emit(RoomEvent.ConnectionStateChanged, ConnectionState.Connected));
  return { host, room, send, connect };
}

const POLL = { id: 'p1', question: 'Clear?', options: ['Yes', 'No'], hidden: false, is_open: true, votes: 1, counts: [0, 1] };

test('a guest votes, sees the counts, changes the vote, and hears of the end', async () => {
  answers['GET /polls'] = { status: 200, body: { polls: [POLL] } };
  answers['POST /polls/p1/vote'] = { status: 200, body: { ...POLL, votes: 2, counts: [1, 1], mine: 0 } };
  const { host, send, connect } = await open('poll', 'guest');
  await connect();
  const badge = () => host.registry.list('panel')[0].badge?.();
  expect(badge()).toBe(1);
  expect(screen.queryByRole('button', { name: 'Ask' })).toBeNull();
  const ballot = screen.getByRole('group', { name: 'Clear?' });
  await userEvent.click(within(ballot).getByRole('radio', { name: 'Yes' }));
  await userEvent.click(screen.getByRole('button', { name: 'Vote' }));
  expect(asked).toContain('POST /polls/p1/vote {"choice":0}');
  expect(await screen.findByText('You voted: Yes')).toBeTruthy();
  expect(badge()).toBeNull();
  expect(screen.getAllByText('1 (50 %)')).toHaveLength(2);
  await send({ poll: { ...POLL, votes: 3, counts: [2, 1] } });
  expect(screen.getByText('2 (67 %)')).toBeTruthy();
  expect(screen.getByText('You voted: Yes'), 'packets don’t know what I chose').toBeTruthy();
  await send({ poll: { ...POLL, votes: 3, counts: [2, 1], is_open: false } });
  await send({ poll: { ...POLL, votes: 2, counts: [1, 1] } });
  expect(screen.queryByRole('button', { name: /vote/i }), 'a late packet opens nothing again').toBeNull();
  await send({ gone: 'p1' });
  expect(screen.getByText('No question has been asked yet.')).toBeTruthy();
  expect(host.failures).toEqual([]);
});

test('hidden results stay hidden for guests, hosts fetch them', async () => {
  const hidden = { ...POLL, hidden: true, counts: null };
  answers['GET /polls'] = { status: 200, body: { polls: [hidden] } };
  const guest = await open('poll', 'guest');
  await guest.connect();
  expect(screen.getByText('1 vote. The results come at the end.')).toBeTruthy();
  expect(screen.queryByRole('progressbar')).toBeNull();
  cleanup();
  answers['GET /polls'] = { status: 200, body: { polls: [{ ...hidden, counts: [0, 1] }] } };
  const host = await open('poll', 'host');
  await host.send({ poll: hidden });
  expect(screen.getAllByRole('progressbar')).toHaveLength(2);
});

test('a host asks, and closes what was asked', async () => {
  answers['GET /polls'] = { status: 200, body: { polls: [] } };
  answers['POST /polls'] = { status: 201, body: { ...POLL, votes: 0, counts: [0, 0] } };
  answers['POST /polls/p1/close'] = { status: 200, body: { ...POLL, is_open: false } };
  const { connect, host } = await open('poll', 'host', { hidden: true });
  await connect();
  await userEvent.type(screen.getByLabelText('Question'), 'Clear?');
  await userEvent.type(screen.getByLabelText('Answers, one in each line'), 'Yes\n\n No \n');
  expect(screen.getByRole('checkbox', { name: 'Hide the results until the end' })).toHaveProperty('checked', true);
  await userEvent.click(screen.getByRole('button', { name: 'Ask' }));
  expect(asked).toContain('POST /polls {"question":"Clear?","options":["Yes","No"],"hidden":true}');
  await userEvent.click(await screen.findByRole('button', { name: 'Close the poll' }));
  expect(await screen.findByRole('button', { name: 'Ask' }), 'the next one can be asked').toBeTruthy();
  expect(host.failures).toEqual([]);
});

test('a refusal is shown in its words, and the state is fetched again', async () => {
  answers['GET /polls'] = { status: 200, body: { polls: [POLL] } };
  answers['POST /polls/p1/vote'] = { status: 409, body: { detail: 'This poll is closed.' } };
  const { connect } = await open('poll', 'guest');
  await connect();
  await userEvent.click(screen.getByRole('radio', { name: 'No' }));
  answers['GET /polls'] = { status: 200, body: { polls: [{ ...POLL, is_open: false }] } };
  await userEvent.click(screen.getByRole('button', { name: 'Vote' }));
  expect(await screen.findByRole('heading', { name: 'Clear?' })).toBeTruthy();
});

test('where nothing can be fetched the panel says so and tries again', async () => {
  answers['GET /polls'] = { status: 503, body: { detail: 'One moment.' } };
  const { connect } = await open('poll', 'guest');
  await connect();
  expect(screen.getByRole('alert').textContent).toBe('One moment.');
  answers['GET /polls'] = { status: 200, body: { polls: [] } };
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('No question has been asked yet.')).toBeTruthy();
});

test('the bell of a new plugin rings', async () => {
  answers['POST /ring'] = { status: 204 };
  const { send, host } = await open('hello', 'host', { words: 'Back soon.', icon: 'bell' });
  await userEvent.click(screen.getByRole('button', { name: 'Ring' }));
  expect(asked).toEqual(['POST /ring {"words":"Back soon."}']);
  await send({ words: 'Back soon.' });
  expect(screen.getByText('Back soon.')).toBeTruthy();
  cleanup();
  await open('hello', 'guest', { words: 'Back soon.', icon: 'bell' });
  expect(screen.queryByRole('button')).toBeNull();
  expect(host.failures).toEqual([]);
});

test('the guest book of the example is drawn', async () => {
  await open('example', 'guest');
  expect(screen.getByText('Leave a note.')).toBeTruthy();
});
