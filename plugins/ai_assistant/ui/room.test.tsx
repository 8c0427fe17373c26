import type { RoomApi } from '@audimax/room';
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import type { ReactElement } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import type { Standing } from './assistant';
import type { KeptLine } from './captions';
import setup from './room';

type Listener = (payload?: unknown, meta?: unknown) => void;
interface Spec {
  id: string;
  slot?: string;
  component?: () => ReactElement;
  visible?: () => boolean;
  onClick?: () => void;
  pressed?: () => boolean;
  label?: () => string;
  text?: () => string | null;
}

const kept = (n: number, more: Partial<KeptLine> = {}): KeptLine => ({
  id: `line-${n}`, identity: 'prof', name: 'Emmy', text: `Sentence ${n}.`, at: n, language: 'en', gap: false, ...more,
});
const said = (id: string, text: string, more: object = {}) => ({
  type: 'segment', id, identity: 'prof', name: 'Emmy', text, at: 100, language: 'en', final: true, ...more,
});
let at = 0;

async function roomOf(role: 'guest' | 'host', first: Partial<Standing> = {}, pages: Record<string, unknown> = {}) {
  const standing = (change: Partial<Standing> = {}): Standing => ({
    at: ++at, captions: true, keep: true, status: 'on', why: '', consent: 'We listen.', asks: false, heard: true,
    started_at: 0, ...first, ...change,
  });
  const server = { state: standing(), pages };
  const added = new Map<string, Spec>();
  const heard = new Map<string, Listener>();
  const stored = new Map<string, unknown>();
  const add = (spec: Spec) => void added.set(spec.id, spec);
  const room = {
    me: { isHost: role === 'host', identity: role === 'host' ? 'prof' : 'ada' },
    api: {
      get: vi.fn(async (path: string) => {
        if (path === '/state') return server.state;
        const page = server.pages[path];
        if (page instanceof Error) throw page;
        return page ?? { lines: [] };
      }),
      post: vi.fn(async (path: string, body: { on?: boolean; heard?: boolean }) => {
        const change: Partial<Standing> = path === '/me' ? { heard: body.heard! } : { [path.slice(1)]: body.on };
        return (server.state = { ...server.state, ...change, at: ++at });
      }),
    },
    storage: { get: (key: string, fallback: unknown) => stored.get(key) ?? fallback, set: (key: string, value: unknown) => stored.set(key, value) },
    on: (event: string, listener: Listener) => heard.set(event, listener),
    toast: vi.fn(), announce: vi.fn(), refresh: vi.fn(), openPanel: vi.fn(),
    t: (text: string, vars: Record<string, unknown> = {}) => text.replace(/\{(\w+)\}/g, (_, name) => String(vars[name])),
    addControl: (spec: Spec) => void added.set('control', spec),
    addPanel: add, addOverlay: add,
    addSign: (spec: Spec) => void added.set('sign', spec),
    addSettings: (spec: Spec) => void added.set('settings', spec),
  };
  const leave = (await setup(room as unknown as RoomApi)) as () => void;
  heard.get('connected')!();
  await waitFor(() => expect(room.refresh).toHaveBeenCalled());
  const segment = (payload: unknown, from = 'agent') => act(() => heard.get('data:transcription')!(payload, { topic: 'transcription', from }));
  const packet = (change: Partial<Standing>) => act(() => heard.get('data:ai_assistant')!({ at: ++at, ...change }, { from: 'server' }));
  return { room, server, added, heard, stored, segment, packet, leave, standing };
}

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

test('what is said stands in a row below the pictures, with the speaker’s name', async () => {
  const { added, segment } = await roomOf('guest');
  render(added.get('captions-below')!.component!());
  segment(said('1', 'Welcome to the lecture.', { final: false }));
  expect(document.querySelector('.captions-turn')!.textContent).toBe('EmmyWelcome to the lecture. ');
  expect(document.querySelector('.captions')!.getAttribute('aria-hidden')).toBe('true');
});

test('only the agent is believed', async () => {
  const { added, segment } = await roomOf('guest');
  render(added.get('captions-below')!.component!());
  segment(said('1', 'Forged.'), 'server');
  expect(document.querySelector('.captions-turn')).toBeNull();
});

test('the key C hides captions for this page alone, and that is remembered', async () => {
  const { added, room, stored } = await roomOf('guest');
  const control = added.get('control')!;
  expect([control.pressed!(), control.label!()]).toEqual([true, 'Hide captions']);
  control.onClick!();
  expect([control.pressed!(), control.label!()]).toEqual([false, 'Show captions']);
  expect(added.get('captions-below')!.visible!()).toBe(false);
  expect(stored.get('taste')).toMatchObject({ shown: false });
  expect(room.api.post).not.toHaveBeenCalled();
});

test('captions go above the pictures, large, white on black, as one likes', async () => {
  const { added } = await roomOf('guest');
  render(added.get('settings')!.component!());
  fireEvent.change(screen.getByLabelText('Place of the captions'), { target: { value: 'above' } });
  fireEvent.change(screen.getByLabelText('Size of the captions'), { target: { value: 'xl' } });
  fireEvent.click(screen.getByLabelText('White on black, for more contrast'));
  expect([added.get('captions-above')!.visible!(), added.get('captions-below')!.visible!()]).toEqual([true, false]);
  cleanup();
  render(added.get('captions-above')!.component!());
  const row = document.querySelector<HTMLElement>('.captions')!;
  expect([row.dataset.size, row.dataset.contrast]).toEqual(['xl', 'true']);
});

test('a lasting sign says what is on, and leads to more about it', async () => {
  const { added, packet, room } = await roomOf('guest');
  const sign = added.get('sign')!;
  expect(sign.text!()).toBe('Live captions, and the transcript is kept');
  packet({ keep: false });
  expect(sign.text!()).toBe('Live captions');
  packet({ captions: false, keep: true });
  expect(sign.text!()).toBe('The transcript is kept');
  packet({ captions: false, keep: false, status: 'off' });
  expect(sign.text!()).toBeNull();
  sign.onClick!();
  expect(room.openPanel).toHaveBeenCalledWith('transcript');
});

test('everybody hears when keeping begins and ends', async () => {
  const { packet, room } = await roomOf('guest', { keep: false });
  packet({ keep: true });
  expect(room.announce).toHaveBeenLastCalledWith('From now on the transcript is kept.');
  packet({ keep: false });
  expect(room.toast).toHaveBeenLastCalledWith('The transcript isn’t kept any more.');
});

test('what is older than what is known changes nothing', async () => {
  const { added, heard, packet } = await roomOf('guest');
  packet({ keep: false });
  act(() => heard.get('data:ai_assistant')!({ at: 1, keep: true }, {}));
  expect(added.get('sign')!.text!()).toBe('Live captions');
});

test('hosts switch captions and keeping for everybody', async () => {
  const { added, room } = await roomOf('host');
  render(added.get('transcript')!.component!());
  fireEvent.click(screen.getByRole('switch', { name: /Keep the transcript/ }));
  await waitFor(() => expect(room.api.post).toHaveBeenCalledWith('/keep', { on: false }));
  fireEvent.click(screen.getByRole('switch', { name: /Live captions for everybody/ }));
  await waitFor(() => expect(room.api.post).toHaveBeenCalledWith('/captions', { on: false }));
});

test('guests have no switches for everybody, but one for themselves', async () => {
  const { added, room } = await roomOf('guest');
  render(added.get('transcript')!.component!());
  expect(screen.queryByRole('switch')).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Don’t write me along' }));
  await waitFor(() => expect(room.api.post).toHaveBeenCalledWith('/me', { heard: false }));
});

test('where people are asked, one reads what one agrees to', async () => {
  const { added, room } = await roomOf('guest', { asks: true, heard: false });
  render(added.get('transcript')!.component!());
  expect(screen.getByText('What you say is written along only if you agree.')).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'I agree: write me along' }));
  await waitFor(() => expect(room.api.post).toHaveBeenCalledWith('/me', { heard: true }));
});

test('a refusal is said in its own words', async () => {
  const { added, room } = await roomOf('guest');
  room.api.post.mockRejectedValueOnce(new Error('Join the lecture first.'));
  render(added.get('transcript')!.component!());
  fireEvent.click(screen.getByRole('button', { name: 'Don’t write me along' }));
  await waitFor(() => expect(room.toast).toHaveBeenCalledWith('Join the lecture first.', { kind: 'error' }));
});

test('who comes late reads all that was said, turn by turn, with the times', async () => {
  const lines = [kept(1), kept(2), kept(65, { identity: 'bob', name: 'Bob', text: 'A question!' }), kept(70, { gap: true, text: '' })];
  const { added } = await roomOf('guest', {}, { '/lines?': { lines } });
  render(added.get('transcript')!.component!());
  await screen.findByText('A question!');
  const turns = [...document.querySelectorAll('.transcript-turn')].map((turn) => turn.textContent);
  expect(turns).toEqual(['Emmy 0:01Sentence 1. Sentence 2. ', 'Bob 1:05A question! ']);
  expect(screen.getByText('Nobody listened here.')).toBeTruthy();
});

test('screen readers hear each line once, when it is there for good', async () => {
  const { added, segment } = await roomOf('guest');
  render(added.get('transcript')!.component!());
  const polite = () => document.querySelector('[aria-live="polite"]')!.textContent;
  segment(said('1', 'Half a', { final: false }));
  expect(polite()).toBe('');
  segment(said('1', 'Half a sentence, now whole.'));
  expect(polite()).toBe('Emmy: Half a sentence, now whole.');
});

test('earlier lines that can’t be loaded can be asked for again', async () => {
  const { added, server, room } = await roomOf('guest', {}, { '/lines?': new Error('down') });
  const shown = render(added.get('transcript')!.component!());
  await waitFor(() => expect(room.refresh.mock.calls.length).toBeGreaterThan(2));
  shown.rerender(added.get('transcript')!.component!());
  server.pages['/lines?'] = { lines: [kept(1)] };
  fireEvent.click(await screen.findByRole('button', { name: 'Try again' }));
  await screen.findByText('Sentence 1.');
});

test('a search asks the server and marks what it found', async () => {
  const { added } = await roomOf('guest', {}, { '/lines?q=sentence&limit=200': { lines: [kept(7)] } });
  render(added.get('transcript')!.component!());
  fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'sentence' } });
  fireEvent.click(screen.getByRole('button', { name: 'Search' }));
  await screen.findByText('1 line has it.');
  expect(document.querySelector('mark')!.textContent).toBe('Sentence');
  fireEvent.change(screen.getByRole('searchbox'), { target: { value: '' } });
  await waitFor(() => expect(screen.queryByText('1 line has it.')).toBeNull());
});

test('what isn’t kept is searched on this page', async () => {
  const { added, segment, room } = await roomOf('guest', { keep: false });
  segment(said('1', 'Only here.'));
  segment(said('2', 'Something else.'));
  render(added.get('transcript')!.component!());
  fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'ONLY' } });
  fireEvent.click(screen.getByRole('button', { name: 'Search' }));
  await screen.findByText('1 line has it.');
  expect(room.api.get).toHaveBeenCalledTimes(1);
});

test('why there are no captions stands in the panel, and hosts are told at once', async () => {
  const { added, server, room, packet, standing } = await roomOf('host');
  packet({ status: 'paused' });
  server.state = standing({ status: 'paused', why: 'Captions are paused: the provider refuses the key.' });
  await waitFor(() => expect(room.toast).toHaveBeenCalledWith('Captions are paused: the provider refuses the key.'));
  await waitFor(() => expect(room.api.get.mock.calls.filter(([path]) => path === '/state').length).toBe(2));
  render(added.get('transcript')!.component!());
  await screen.findByText('Captions are paused: the provider refuses the key.');
});

test('an objection takes away what was said half, on every page', async () => {
  const { added, segment, heard } = await roomOf('guest');
  render(added.get('captions-below')!.component!());
  segment(said('1', 'Half', { identity: 'bob', name: 'Bob', final: false }));
  act(() => heard.get('data:ai_assistant')!({ at: ++at, heard: { bob: false } }, {}));
  expect(document.querySelector('.captions-turn')).toBeNull();
});
