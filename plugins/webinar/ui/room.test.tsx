import type { RoomApi, Sendable } from '@audimax/room';
import { act, cleanup, render, screen, waitFor } from '@testing-library/react';
import type { Participant } from 'livekit-client';
import type { ReactElement } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import setup from './room';
import { canHaveFloor, type Queue } from './state';

type Listener = (payload?: unknown) => void;
interface Spec {
  id: string;
  component?: () => ReactElement;
  visible?: (person?: Participant) => boolean;
  run?: (person?: Participant) => Promise<void>;
  onClick?: () => Promise<void>;
  pressed?: () => boolean;
  badge?: () => number | null;
  text?: (what: Sendable | Participant) => string | null;
  rank?: (person: Participant) => number | null;
}

const someone = (identity: string, name: string, more: object = {}) =>
  ({ identity, name, attributes: {}, isLocal: false, isAgent: false, ...more }) as unknown as Participant;
const PEOPLE = ['ada', 'bob', 'cid'].map((id) => someone(id, id.toUpperCase()));
const hand = (identity: string) => ({ identity, since: 0 });
let at = 0;

/** What the server says; every one is newer than the last. */
function said(change: Partial<Queue> = {}): Queue {
  const queue = { at: ++at, on: false, may_react: true, hands: [], floors: [], ...change };
  return { count: queue.hands.length, floors_count: queue.floors.length, ...queue };
}
const withMine = (change: Partial<Queue> = {}) => said({ raised: false, has_floor: false, ...change });

/** A room page in hand: what the plugin added, what it asked of the server, what it said. */
async function roomOf(role: 'guest' | 'host', first: Partial<Queue> = {}) {
  const server = { state: withMine(first) };
  const added = new Map<string, Spec>();
  const heard = new Map<string, Listener>();
  const posted: [string, unknown][] = [];
  const answers: Record<string, unknown> = {};
  const add = (spec: Spec) => void added.set(spec.id, spec);
  const lk = {
    remoteParticipants: new Map(PEOPLE.filter(({ identity }) => identity !== 'ada' || role === 'host').map((one) => [one.identity, one])),
    localParticipant: { isMicrophoneEnabled: false },
    getParticipantByIdentity: (id: string) => PEOPLE.find(({ identity }) => identity === id),
  };
  const room = {
    me: { isHost: role === 'host', identity: role === 'host' ? 'prof' : 'ada' },
    lk,
    api: {
      get: vi.fn(async () => server.state),
      post: vi.fn(async (path: string, body?: unknown) => {
        posted.push([path, body]);
        return answers[path];
      }),
    },
    on: (event: string, listener: Listener) => heard.set(event, listener),
    toast: vi.fn(),
    announce: vi.fn(),
    refresh: vi.fn(),
    turnOn: vi.fn(async () => true),
    t: (text: string, vars: Record<string, string> = {}) => text.replace(/\{(\w+)\}/g, (_, name) => vars[name]),
    addPanel: add, addControl: add, addOverlay: add, addParticipantAction: add, addExplanation: add,
    addTileBadge: (spec: Spec) => void added.set('badge', spec),
    addPeopleRank: (spec: Spec) => void added.set('rank', spec),
  };
  const leave = (await setup(room as unknown as RoomApi)) as () => void;
  heard.get('connected')!();
  await waitFor(() => expect(room.refresh).toHaveBeenCalled());
  const hear = heard.get('data:webinar')!;
  const toasts = () => room.toast.mock.calls.map(([words]) => words as string);
  return { room, lk, server, answers, added, hear, heard, posted, toasts, leave };
}

beforeEach(() => {
  at = 0;
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
    this.open = false;
    this.dispatchEvent(new Event('close'));
  };
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

// --- guests ---

test('a guest raises and lowers the hand, and sees the place in the queue', async () => {
  const { added, answers, hear, room } = await roomOf('guest');
  const control = added.get('hand')!;
  expect([control.pressed!(), control.badge!()]).toEqual([false, null]);
  answers['/raise'] = withMine({ hands: [hand('bob'), hand('ada')], raised: true, place: 2 });
  await control.onClick!();
  expect([control.pressed!(), control.badge!()]).toEqual([true, 2]);
  expect(room.announce).toHaveBeenLastCalledWith('Your hand is raised: number 2 in the queue.');
  hear(said({ hands: [hand('ada')] }));
  expect(control.badge!()).toBe(1);
  expect(room.announce).toHaveBeenLastCalledWith('You are next in the queue.');
  answers['/lower'] = withMine();
  await control.onClick!();
  expect(control.pressed!()).toBe(false);
});

test('what is older than what is known changes nothing', async () => {
  const { added, answers, hear } = await roomOf('guest');
  const late = said({ hands: [hand('bob')] });
  answers['/raise'] = withMine({ hands: [hand('bob'), hand('ada')], raised: true, place: 2 });
  await added.get('hand')!.onClick!();
  hear(late);
  expect(added.get('hand')!.pressed!()).toBe(true);
});

test('who stands behind the hundred that fit into a packet keeps the hand raised until all are cleared', async () => {
  const { added, hear } = await roomOf('guest', { hands: [hand('bob')], count: 300, raised: true, place: 250 });
  const control = added.get('hand')!;
  hear(said({ hands: [hand('bob')], count: 290 }));
  expect([control.pressed!(), control.badge!()]).toEqual([true, null]);
  hear(said());
  expect(control.pressed!()).toBe(false);
});

test('nobody’s microphone opens before they say so', async () => {
  const { added, hear, room } = await roomOf('guest', { on: true });
  hear(said({ on: true, floors: [{ identity: 'ada', camera_and_screen: true }] }));
  hear({ you: 'called', camera_and_screen: true });
  expect(room.turnOn).not.toHaveBeenCalled();
  render(added.get('ask')!.component!());
  expect(document.activeElement?.textContent).toBe('A host gives you the floor');
  expect(screen.getByText(/turn your camera on and share/)).toBeTruthy();
  screen.getByRole('button', { name: 'Turn microphone on' }).click();
  expect(room.turnOn).toHaveBeenCalledWith('microphone');
  expect(added.get('ask')!.visible!()).toBe(false);
});

test('“Not now” leaves the microphone off and the floor given', async () => {
  const { added, hear, room } = await roomOf('guest', { on: true });
  hear(said({ on: true, floors: [{ identity: 'ada', camera_and_screen: false }] }));
  hear({ you: 'called', camera_and_screen: false });
  render(added.get('ask')!.component!());
  screen.getByRole('button', { name: 'Not now' }).click();
  expect(added.get('ask')!.visible!()).toBe(false);
  expect(room.turnOn).not.toHaveBeenCalled();
  cleanup();
  render(added.get('standing')!.component!());
  expect(screen.getByText(/You have the floor/)).toBeTruthy();
});

test('whose microphone is on already is told, not asked', async () => {
  const { added, hear, lk, toasts } = await roomOf('guest');
  lk.localParticipant.isMicrophoneEnabled = true;
  hear({ you: 'called', camera_and_screen: false });
  expect(added.get('ask')!.visible!()).toBe(false);
  expect(toasts()).toEqual(['A host gives you the floor: your microphone is on.']);
});

test('the floor that is taken back closes the question and says what to do', async () => {
  const { added, hear, toasts } = await roomOf('guest', { on: true });
  hear(said({ on: true, floors: [{ identity: 'ada', camera_and_screen: false }] }));
  hear({ you: 'called', camera_and_screen: false });
  hear(said({ on: true }));
  expect(added.get('ask')!.visible!()).toBe(false);
  const words = 'A host has taken the floor back. Raise your hand when you want to speak again.';
  expect(toasts()).toEqual([words]);
  expect(added.get('webinar')!.text!('microphone')).toBe(words);
});

test('the webinar explains a silent microphone, to those without the floor only', async () => {
  const { added, hear, toasts } = await roomOf('guest');
  const why = () => added.get('webinar')!.text!('microphone');
  expect(why()).toBeNull();
  hear(said({ on: true }));
  expect(toasts()).toEqual([why()]);
  expect(why()).toContain('Raise your hand');
  hear(said({ on: true, floors: [{ identity: 'ada', camera_and_screen: false }] }));
  expect(why()).toBeNull();
  hear(said());
  expect([why(), toasts().length]).toEqual([null, 1]);
});

test('a reload asks nothing and tells nothing: how things stand is on the stage', async () => {
  const { added, toasts } = await roomOf('guest', { on: true, has_floor: true, floors: [{ identity: 'ada', camera_and_screen: false }] });
  expect(toasts()).toEqual([]);
  expect(added.get('ask')!.visible!()).toBe(false);
});

test('a lowered hand is told', async () => {
  const { hear, toasts } = await roomOf('guest');
  hear({ you: 'lowered' });
  expect(toasts()).toEqual(['A host has lowered your hand.']);
});

test('the room’s form makes a page look again, once, unless a packet comes', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  const { hear, heard, room, leave } = await roomOf('guest');
  const changed = heard.get('settings')!;
  changed();
  changed();
  await vi.advanceTimersByTimeAsync(11_000);
  expect(room.api.get).toHaveBeenCalledTimes(2);
  changed();
  hear(said({ on: true }));
  await vi.advanceTimersByTimeAsync(11_000);
  expect(room.api.get).toHaveBeenCalledTimes(2);
  changed();
  leave();
  await vi.advanceTimersByTimeAsync(11_000);
  expect(room.api.get).toHaveBeenCalledTimes(2);
});

// --- hosts ---

test('hosts are nobody’s to call on, nor is the assistant', () => {
  const all = [PEOPLE[0], someone('p', 'P', { attributes: { role: 'host' } }), someone('a', 'A', { isAgent: true }), someone('m', 'M', { isLocal: true })];
  expect(all.map(canHaveFloor)).toEqual([true, false, false, false]);
});

test('the desk shows the queue in order and does what its buttons say', async () => {
  const { added, answers, posted, room } = await roomOf('host', {
    on: true,
    hands: [hand('cid'), hand('ada')],
    floors: [{ identity: 'bob', camera_and_screen: false }],
  });
  const called = { identity: 'cid', name: 'CID', microphone: true };
  Object.assign(answers, { '/next': called, '/people/cid/give': called, '/people/ada/give': { ...called, name: 'ADA', microphone: false } });
  render(added.get('hands')!.component!());
  expect(added.get('hands')!.badge!()).toBe(2);
  expect(screen.getAllByRole('listitem').map((row) => row.textContent!.slice(0, 4))).toEqual(['1CID', '2ADA', 'BOBm']);
  const names = [
    'Next', 'Give microphone to CID', 'Camera too for ADA: microphone, camera and screen', 'Lower the hand of ADA', 'Take back the floor from BOB', 'Clear all',
  ];
  for (const name of names) {
    await act(async () => screen.getByRole('button', { name }).click());
  }
  await act(async () => screen.getByRole('switch', { name: 'Webinar' }).click());
  expect(posted).toEqual([
    ['/next', { camera_and_screen: false }],
    ['/people/cid/give', { camera_and_screen: false }],
    ['/people/ada/give', { camera_and_screen: true }],
    ['/people/ada/lower', {}],
    ['/people/bob/take-back', {}],
    ['/clear', {}],
    ['/mode', { on: false }],
  ]);
  expect(room.toast.mock.calls[0][0]).toContain('ADA can’t speak yet');
});

test('five hundred hands are fifty rows and a number', async () => {
  const hands = Array.from({ length: 100 }, (_, n) => hand(`p${n}`));
  const { added, lk } = await roomOf('host', { hands, count: 500 });
  for (const { identity } of hands) lk.remoteParticipants.set(identity, someone(identity, identity));
  render(added.get('hands')!.component!());
  expect(screen.getAllByRole('listitem')).toHaveLength(50);
  expect(screen.getByText('and 450 more')).toBeTruthy();
});

test('who isn’t connected right now is neither listed nor counted', async () => {
  const { added } = await roomOf('host', { hands: [hand('gone'), hand('ada')] });
  expect(added.get('hands')!.badge!()).toBe(1);
  render(added.get('hands')!.component!());
  expect(screen.getAllByRole('listitem')).toHaveLength(1);
});

test('hands are a badge on tiles and entries in people’s menus', async () => {
  const { added, hear } = await roomOf('host', { on: true, hands: [hand('ada')], floors: [{ identity: 'bob', camera_and_screen: false }] });
  const [ada, bob, cid] = PEOPLE;
  const shown = (id: string) => PEOPLE.map((person) => added.get(id)!.visible!(person));
  expect([ada, bob].map((person) => added.get('badge')!.text!(person))).toEqual(['✋', null]);
  expect([shown('give'), shown('take-back'), shown('lower')]).toEqual([
    [true, false, true],
    [false, true, false],
    [true, false, false],
  ]);
  expect(PEOPLE.map((person) => added.get('rank')!.rank!(person))).toEqual([1, null, null]);
  hear(said({ hands: [hand('cid')] }));
  expect([shown('give'), added.get('badge')!.text!(cid)]).toEqual([[false, false, true], '✋']);
});

test('hosts hear how many hands there are, once for all that came together', async () => {
  const { hear, room } = await roomOf('host');
  hear(said({ hands: [hand('ada')] }));
  hear(said({ hands: [hand('ada'), hand('bob'), hand('cid')] }));
  hear(said({ hands: [hand('cid')] }));
  expect(room.announce.mock.calls.flat()).toEqual(['1 hand is raised.', '3 hands are raised.']);
});

test('what can’t be fetched says so and offers another try', async () => {
  const { added, room, heard } = await roomOf('host');
  room.api.get.mockRejectedValueOnce(new Error('no'));
  heard.get('connected')!();
  await new Promise((resolve) => setTimeout(resolve));
  render(added.get('hands')!.component!());
  expect(screen.getByRole('alert').textContent).toContain('can’t be shown');
});

test('a refusal is shown in the server’s words', async () => {
  const { added, room } = await roomOf('host', { hands: [hand('ada')] });
  room.api.post.mockRejectedValueOnce(new Error('Nobody who is here has raised a hand.'));
  render(added.get('hands')!.component!());
  await act(async () => screen.getByRole('button', { name: 'Next' }).click());
  expect(room.toast).toHaveBeenCalledWith('Nobody who is here has raised a hand.', { kind: 'error' });
});

// --- reactions ---

test('reactions float bounded, unread, and only those of the set', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  const { added, hear } = await roomOf('guest');
  expect(added.get('sky')!.visible!()).toBe(false);
  hear({ reactions: { '👏': 400, '💩': 9 } });
  for (let n = 0; n < 9; n += 1) hear({ reactions: { '🎉': 50, '❤️': 2 } });
  const { container } = render(added.get('sky')!.component!());
  const floating = container.querySelectorAll('.webinar-float');
  expect(floating).toHaveLength(24);
  expect(container.firstElementChild!.getAttribute('aria-hidden')).toBe('true');
  expect(container.textContent).not.toContain('💩');
  await vi.advanceTimersByTimeAsync(4000);
  expect(added.get('sky')!.visible!()).toBe(false);
});

test('the picker takes the focus, sends, and closes with Escape', async () => {
  const { added, posted } = await roomOf('guest');
  const control = added.get('react')!;
  await control.onClick!();
  expect(added.get('picker')!.visible!()).toBe(true);
  render(added.get('picker')!.component!());
  expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Thumbs up' }));
  await act(async () => screen.getByRole('button', { name: 'Applause' }).click());
  expect(posted).toEqual([['/react', { emoji: '👏' }]]);
  screen.getByRole('button', { name: 'Heart' }).dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
  expect(added.get('picker')!.visible!()).toBe(false);
});

test('where reactions are off there is no button for them', async () => {
  const { added } = await roomOf('guest', { may_react: false });
  expect(added.get('react')!.visible!()).toBe(false);
});
