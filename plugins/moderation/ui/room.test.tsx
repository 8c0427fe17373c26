import type { RoomApi } from '@audimax/room';
import { cleanup, render, screen, waitFor } from '@testing-library/react';
import type { Participant } from 'livekit-client';
import type { ReactElement } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import setup from './room';
import { canBeModerated } from './state';

type Listener = (payload?: unknown) => void;
interface Spec {
  id: string;
  component?: () => ReactElement;
  visible?: (person?: Participant) => boolean;
  run?: (person?: Participant) => Promise<void>;
}

const bob = { identity: 'bob', name: 'Bob', attributes: {}, isLocal: false, isAgent: false } as unknown as Participant;
const prof = { ...bob, attributes: { role: 'host' } } as unknown as Participant;

/** A room page in hand: what the plugin added, what it asked of the server, what it said. */
function roomOf(isHost: boolean, config: Record<string, unknown> = { gated: true }) {
  const answers: Record<string, unknown> = {
    '/state': { locked: false, panic: false, chat_frozen: false, muted: ['bob'], co_hosts: ['emmy'] },
    '/bans': { bans: [{ id: 'b1', name: 'Mallory', reason: 'Noise', at: '', by: 'Emmy', session: true, account: false, same_browser: [], same_network: ['Zoe'] }] },
    '/newcomers': { newcomers: [{ id: 'n1', name: 'Eve', since: '' }] },
    '/people/bob/match': { session: true, account: false, same_browser: ['Ann'], same_network: ['Ann'] },
  };
  const added = new Map<string, Spec>();
  const heard = new Map<string, Listener>();
  const posted: [string, unknown][] = [];
  const add = (spec: Spec) => void added.set(spec.id, spec);
  const api = {
    get: vi.fn(async (path: string) => answers[path]),
    post: vi.fn(async (path: string, body: unknown) => void posted.push([path, body])),
    delete: vi.fn(async () => undefined),
  };
  const room = {
    me: { isHost },
    plugin: { config },
    api,
    on: (event: string, listener: Listener) => heard.set(event, listener),
    toast: vi.fn(),
    farewell: vi.fn(),
    announce: vi.fn(),
    refresh: vi.fn(),
    t: (text: string, vars: Record<string, string> = {}) => text.replace(/\{(\w+)\}/g, (_, name) => vars[name]),
    addPanel: add, addOverlay: add, addPeopleAction: add, addParticipantAction: add, addTileBadge: add,
  };
  void setup(room as unknown as RoomApi);
  return { room, api, answers, added, heard, posted };
}

beforeEach(() => {
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
    this.open = false;
  };
});
afterEach(cleanup);

test('guests get no buttons, and are told what happened and what they may do', () => {
  const { added, heard, room, api } = roomOf(false);
  expect([...added.keys()]).toEqual(['silenced']);
  const hear = heard.get('data:moderation')!;
  hear({ panic: true });
  expect(added.get('silenced')!.visible!()).toBe(true);
  hear({ taken: { microphone: false } });
  hear({ taken: { microphone: true } });
  hear({ banned: true, reason: 'Noise' });
  hear({ removed: true, reason: '' });
  hear({ locked: true });
  hear({ panic: false });
  expect(added.get('silenced')!.visible!()).toBe(false);
  expect(api.get).not.toHaveBeenCalled();
  expect(room.toast.mock.calls.map(([words]) => words.slice(0, 24))).toEqual(['You may speak again: tur', 'You may speak again: tur']);
});

test('who is put out reads why, and what they may do', () => {
  const { heard, room } = roomOf(false);
  const hear = heard.get('data:moderation')!;
  hear({ banned: true, reason: 'Noise', ask: 'Emmy Noether' });
  const text = 'Their reason: “Noise”. If you think that is a mistake, please write to Emmy Noether.';
  expect(room.farewell).toHaveBeenLastCalledWith({ title: 'A host has banned you from this room', text, mayReturn: false });
  hear({ removed: true, reason: '' });
  expect(room.farewell).toHaveBeenLastCalledWith({ title: 'A host has removed you', text: '', mayReturn: true });
  expect(room.toast).not.toHaveBeenCalled();
});

test('a co-host whom the owner muted reads it; what concerns all others is not said to hosts', async () => {
  const { heard, room, api } = roomOf(true);
  const hear = heard.get('data:moderation')!;
  hear({ taken: { microphone: false }, reason: 'Echo' });
  hear({ taken: { microphone: false }, all: true, reason: 'Noise' });
  hear({ taken: { microphone: true }, all: true, reason: '' });
  expect(room.toast.mock.calls).toEqual([['The host’s reason: “Echo”']]);
  await waitFor(() => expect(api.get).toHaveBeenCalledWith('/bans'));
});

test('the floor given to one person in a panic ends their notice', () => {
  const { added, heard } = roomOf(false);
  const hear = heard.get('data:moderation')!;
  hear({ panic: true });
  hear({ floor: true, panic: false });
  expect(added.get('silenced')!.visible!()).toBe(false);
});

test('hosts and the assistant are nobody’s to moderate', () => {
  expect([bob, prof, { ...bob, isAgent: true }, { ...bob, isLocal: true }].map((one) => canBeModerated(one as Participant))).toEqual([true, false, false, false]);
});

test('the panel silences, locks, lets in and lifts a ban', async () => {
  const { added, heard, posted, api } = roomOf(true);
  heard.get('connected')!();
  await waitFor(() => expect(api.get).toHaveBeenCalledWith('/newcomers'));
  render(added.get('order')!.component!());
  screen.getByLabelText('Freeze the chat too').click();
  for (const name of ['Silence everybody', 'Lock the room', 'Let Eve in', 'Change the locks']) {
    const button = await screen.findByRole('button', { name });
    await waitFor(() => expect(button).toHaveProperty('disabled', false));
    button.click();
  }
  await waitFor(() => expect(posted).toHaveLength(4));
  expect(posted).toEqual([
    ['/panic', { on: true, chat: true }],
    ['/lock', { on: true }],
    ['/let-in', { id: 'n1' }],
    ['/change-locks', { reason: '' }],
  ]);
  screen.getByRole('button', { name: 'Lift the ban of Mallory' }).click();
  await waitFor(() => expect(api.delete).toHaveBeenCalledWith('/bans/b1'));
});

test('a ban shows what it matches and takes a reason', async () => {
  const { added, posted } = roomOf(true);
  await added.get('ban')!.run!(bob);
  render(added.get('ask')!.component!());
  expect(screen.getByText(/same network, not banned: Ann/)).toBeTruthy();
  screen.getByRole('button', { name: 'Ban', hidden: true }).click();
  await waitFor(() => expect(posted).toEqual([['/people/bob/ban', { reason: '' }]]));
  expect(added.get('ask')!.visible!()).toBe(false);
});

test('what can’t be fetched says so and offers another try', async () => {
  const { added, heard, api } = roomOf(true);
  api.get.mockRejectedValue(new Error('no'));
  heard.get('connected')!();
  await waitFor(() => expect(api.get).toHaveBeenCalled());
  await new Promise((resolve) => setTimeout(resolve));
  render(added.get('order')!.component!());
  expect(screen.getByRole('alert').textContent).toContain('can’t be shown');
});

test('a co-host can be muted by whom the server says, and not put out', async () => {
  const { added, heard } = roomOf(true);
  const emmy = { ...prof, identity: 'emmy', name: 'Emmy' } as unknown as Participant;
  expect(added.get('microphone')!.visible!(emmy)).toBe(false);
  heard.get('joined')!(emmy);
  await waitFor(() => expect(added.get('microphone')!.visible!(emmy)).toBe(true));
  expect(added.get('microphone')!.visible!(prof)).toBe(false);
  expect(added.get('ban')!.visible!(emmy)).toBe(false);
});

test.each([true, false])('where there is no gate, the dialogue says that it takes seconds (gated: %s)', async (gated) => {
  const { added } = roomOf(true, { gated });
  await added.get('remove')!.run!(bob);
  render(added.get('ask')!.component!());
  expect(screen.getByText('Remove Bob?')).toBeTruthy();
  expect(screen.queryAllByText(/it can take some seconds until they stay out/)).toHaveLength(gated ? 0 : 1);
});
