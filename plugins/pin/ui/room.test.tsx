import type { RoomApi } from '@audimax/room';
import { cleanup, render, screen, waitFor } from '@testing-library/react';
import type { ReactElement } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import setup from './room';

interface Spec {
  id: string;
  component: () => ReactElement;
  visible?: () => boolean;
  badge?: () => unknown;
}

const ada = { id: 'n1', name: 'Ada', since: '', pin: 'right' };
const eve = { id: 'n2', name: 'Eve', since: '', pin: 'wrong' };

/** A room page in hand: what the plugin added, what it asked of the server, what it said. */
function roomOf(waiting: unknown[] = [], isSet = false) {
  const state = { is_set: isSet, changed_at: '', changed_by: '', is_spent: false, waiting };
  const added = new Map<string, Spec>();
  const heard = new Map<string, () => void>();
  const add = (spec: Spec) => void added.set(spec.id, spec);
  const made = { pin: '482913', link: 'http://localhost/r/x#pin=482913' };
  const api = {
    get: vi.fn(async () => ({ ...state })),
    post: vi.fn(async (path: string) => {
      if (path === '/make') state.is_set = true;
      if (path === '/remove') state.is_set = false;
      if (path === '/let-in') state.waiting = state.waiting.slice(1);
      return path === '/make' ? made : undefined;
    }),
  };
  let redraw: () => void = () => undefined;
  const room = {
    me: { isHost: true },
    api,
    on: (event: string, listener: () => void) => heard.set(event, listener),
    announce: vi.fn(),
    refresh: vi.fn(() => redraw()),
    panelOpen: () => false,
    t: (text: string, vars: Record<string, string> = {}) => text.replace(/\{(\w+)\}/g, (_, name) => String(vars[name])),
    addPanel: add,
    addSettings: add,
  };
  void setup(room as unknown as RoomApi);
  const draw = (id: string) => {
    const { rerender } = render(added.get(id)!.component());
    redraw = () => rerender(added.get(id)!.component());
  };
  return { room, api, added, heard, draw };
}

afterEach(cleanup);
const press = async (name: string) => (await screen.findByRole('button', { name })).click();

test('a PIN is made, shown once with its link, and removed', async () => {
  const { draw, api } = roomOf();
  const writeText = vi.fn(async () => undefined);
  vi.stubGlobal('navigator', { ...navigator, clipboard: { writeText } });
  draw('pin');
  await screen.findByText(/No PIN is set/);
  await press('Make a PIN');
  expect(await screen.findByLabelText('Your new PIN')).toHaveProperty('value', '482913');
  await press('Copy the link with the PIN');
  await waitFor(() => expect(writeText).toHaveBeenCalledWith('http://localhost/r/x#pin=482913'));
  await press('Copy the PIN');
  await screen.findByText('PIN copied.');
  await press('Remove the PIN');
  await screen.findByText(/No PIN is set/);
  expect(screen.queryByLabelText('Your new PIN')).toBeNull();
  expect(api.post.mock.calls.map(([path]) => path)).toEqual(['/make', '/remove']);
});

test('closed and opened again, the settings show the PIN no more', async () => {
  const { draw } = roomOf();
  draw('pin');
  await press('Make a PIN');
  await screen.findByLabelText('Your new PIN');
  cleanup();
  draw('pin');
  await screen.findByText(/A PIN is set/);
  expect(screen.queryByLabelText('Your new PIN')).toBeNull();
});

test('the panel is there while somebody waits, says whose PIN was right, and lets them in', async () => {
  const { added, heard, draw, api } = roomOf([ada, eve, { ...ada, id: 'n3', name: 'Bob' }], true);
  const panel = added.get('waiting')!;
  expect(panel.visible!()).toBe(false);
  heard.get('data:pin')!();
  await waitFor(() => expect(panel.badge!()).toBe(3));
  expect(panel.visible!()).toBe(true);
  draw('waiting');
  expect(screen.getAllByText('right PIN')).toHaveLength(2);
  expect(screen.getAllByText('wrong PIN')).toHaveLength(1);
  await press('Let in: Ada');
  await waitFor(() => expect(api.post).toHaveBeenCalledWith('/let-in', { id: 'n1' }));
  await waitFor(() => expect(screen.queryByText('Ada')).toBeNull());
});

test('all with the right PIN are let in at once', async () => {
  const { heard, draw, api, added } = roomOf([ada, { ...ada, id: 'n3', name: 'Bob' }], true);
  heard.get('connected')!();
  await waitFor(() => expect(added.get('waiting')!.badge!()).toBe(2));
  draw('waiting');
  await press('Let all 2 with the right PIN in');
  await waitFor(() => expect(api.post).toHaveBeenCalledWith('/let-in-right', {}));
});

test('what can’t be fetched says so and offers another try; a refusal is shown in its words', async () => {
  const { api, draw } = roomOf();
  api.get.mockRejectedValueOnce(new Error('no'));
  draw('pin');
  expect((await screen.findByRole('alert')).textContent).toContain('can’t be shown');
  await press('Try again');
  api.post.mockRejectedValueOnce(new Error('Busy.'));
  await press('Make a PIN');
  await screen.findByText('Busy.');
});
