import type { RoomApi } from '@audimax/room';
import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useSyncExternalStore, type ReactNode } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
// eslint-disable-next-line no-restricted-imports -- the very registry that the room keeps: what is visible, which panel is open
import { Registry } from '../../../ui/room/registry';
import type { Standing, Status } from './recording';
import setup from './room';

type Listener = (payload?: unknown) => void;
type Added = Parameters<Registry['add']>[2];

const BUSY = { status: 409, code: 'recorder_busy', message: 'All recorders are at work.' };
const AFTER: Record<string, Status> = { '/pause': 'paused', '/resume': 'recording', '/stop': 'stopping' };
const NOTICE = 'This lecture will be recorded: the screen and all who speak.';

/** The server's side: one standing, which calls change. */
class Server {
  state: Standing;
  down = false;
  refusals: { status: number; code: string; message: string }[] = [];
  readonly posted: [string, unknown][] = [];
  asked = 0;

  constructor(first: Partial<Standing>) {
    this.state = {
      at: 1, status: 'off', begins_at: null, seconds: 0, now: 1000, notice: '', may: false, why: '', sound: 'sound', ready: false,
      me: { recorded: true, camera: false }, camera_allowed: false, is_host: false, ...first,
    };
  }

  set(change: Partial<Standing>) {
    this.state = { ...this.state, at: this.state.at + 1, ...change };
  }

  readonly get = vi.fn(async () => {
    this.asked += 1;
    if (this.down) throw new Error('away');
    return this.state;
  });

  readonly post = vi.fn(async (path: string, body: Record<string, unknown>) => {
    this.posted.push([path, body]);
    const refusal = this.refusals.shift();
    if (refusal) throw Object.assign(new Error(refusal.message), refusal);
    if (path === '/me') this.state = { ...this.state, me: { ...this.state.me, ...body } };
    else if (path === '/start') this.set(body.queue ? { status: 'queued' } : { status: 'starting', notice: NOTICE, begins_at: this.state.now + 5 });
    else this.set({ status: AFTER[path] });
    return this.state;
  });
}

/** What the room draws of it, in short. */
function Page({ registry }: { registry: Registry }): ReactNode {
  useSyncExternalStore(registry.subscribe, registry.snapshot);
  const panel = registry.visible('panel').find(({ key }) => key === registry.openPanel);
  const draw = (entry: { key: string; component?: (props: never) => ReactNode }) => {
    const Drawing = entry.component as () => ReactNode;
    return <Drawing key={entry.key} />;
  };
  return (
    <>
      <ul aria-label="What is going on">
        {registry.list('sign').map((sign) => sign.text() && <li key={sign.key}><button type="button" onClick={sign.onClick}>{sign.text()}</button></li>)}
      </ul>
      {registry.visible('overlay').map(draw)}
      {panel && <aside aria-label={panel.title}>{draw(panel)}</aside>}
      <footer>
        {registry.visible('control').map((control) => (
          <button key={control.key} type="button" aria-pressed={control.pressed?.()} disabled={control.disabled?.()} onClick={() => void control.onClick()}>
            {(control.label as () => string)()}
          </button>
        ))}
        {registry.visible('panel').map((one) => <span key={one.key} data-testid="panel-button" />)}
      </footer>
      <section aria-label="Settings">{registry.list('settings').map(draw)}</section>
    </>
  );
}

const settle = (ms = 0) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

async function roomOf(role: 'guest' | 'host', first: Partial<Standing> = {}, down = false) {
  const isHost = role === 'host';
  const server = new Server({ is_host: isHost, may: isHost, ...first });
  server.down = down;
  const registry = new Registry();
  const heard = new Map<string, Listener>();
  const add = (kind: Parameters<Registry['add']>[0]) => (spec: Added) => registry.add(kind, 'recording', spec);
  const room = {
    me: { isHost, identity: isHost ? 'prof' : 'ada' },
    info: { locale: 'en' },
    api: { get: server.get, post: server.post },
    on: (event: string, listener: Listener) => heard.set(event, listener),
    toast: vi.fn(), announce: vi.fn(), refresh: vi.fn(registry.bump),
    openPanel: (id: string | null) => registry.show(id && `panel:recording:${id}`),
    panelOpen: (id: string) => registry.openPanel === `panel:recording:${id}`,
    t: (text: string, vars: Record<string, unknown> = {}) => text.replace(/\{(\w+)\}/g, (_, name) => String(vars[name])),
    ui: { Icon: () => <svg aria-hidden="true" /> },
    addPanel: add('panel'), addControl: add('control'), addOverlay: add('overlay'), addSign: add('sign'), addSettings: add('settings'),
  };
  const leave = (await setup(room as unknown as RoomApi)) as () => void;
  render(<Page registry={registry} />);
  const connect = async () => {
    heard.get('connected')!();
    await settle();
  };
  await connect();
  const send = (payload: unknown) => act(() => heard.get('data:recording')!(payload));
  /** The server changes, says so to all, and the page has looked. */
  const becomes = async (change: Partial<Standing>) => {
    server.set(change);
    const { at, status } = server.state;
    send({ at, status });
    await settle(400);
  };
  const told = () => room.toast.mock.calls.map(([words]) => words as string);
  return { room, server, registry, heard, leave, connect, send, becomes, told };
}

const sign = () => within(screen.getByRole('list', { name: 'What is going on' })).queryByRole('button')?.textContent ?? null;
const button = (name: string | RegExp) => screen.getByRole('button', { name });
const settings = () => within(screen.getByRole('region', { name: 'Settings' }));
const isBlocked = (element: HTMLElement) => element.getAttribute('aria-disabled') === 'true';
const dialog = () => within(screen.getByRole('dialog'));

async function press(element: HTMLElement) {
  fireEvent.click(element);
  await settle();
}

// --- what the browser can say and sound ---

class Utterance {
  lang = '';
  voice: unknown;
  onerror: (() => void) | null = null;
  constructor(readonly text: string) {}
}
let spoken: Utterance[] = [];
let chimes = 0;

function withVoices(...languages: string[]) {
  const getVoices = () => languages.map((lang) => ({ lang, localService: true }));
  vi.stubGlobal('speechSynthesis', { getVoices, speak: (said: Utterance) => spoken.push(said) });
  vi.stubGlobal('SpeechSynthesisUtterance', Utterance);
}

function withTones() {
  const part = { setValueAtTime: vi.fn(), linearRampToValueAtTime: vi.fn() };
  const node = { frequency: part, gain: part, connect: (next: unknown) => next, start: () => void (chimes += 1), stop: vi.fn() };
  vi.stubGlobal('AudioContext', class {
    currentTime = 0;
    createOscillator = () => node;
    createGain = () => node;
    close = async () => undefined;
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  spoken = [];
  chimes = 0;
  withTones();
  HTMLDialogElement.prototype.showModal = function (this: HTMLDialogElement) {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function (this: HTMLDialogElement) {
    if (!this.open) return;
    this.open = false;
    this.dispatchEvent(new Event('close'));
  };
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

// --- the sign ---

test.each<[Status, string | null, string | null]>([
  ['off', null, null],
  ['starting', 'Recording starts …', 'Recording starts …'],
  ['queued', null, 'Recording waits for its turn'],
  ['recording', 'Recording', 'Recording'],
  ['paused', 'Recording paused', 'Recording paused'],
  ['stopping', 'Recording is being finished …', 'Recording is being finished …'],
  ['failed', null, 'Recording failed'],
])('while it is %s the sign says so in words', async (status, forGuests, forHosts) => {
  const guest = await roomOf('guest', { status });
  expect(sign()).toBe(forGuests);
  guest.leave();
  cleanup();
  await roomOf('host', { status });
  expect(sign()).toBe(forHosts);
});

test('the sign counts the minutes by itself, without asking the server', async () => {
  const { server } = await roomOf('guest', { status: 'recording', seconds: 50 });
  expect(sign()).toBe('Recording');
  await settle(10_000);
  expect(sign()).toBe('Recording · 1 min');
  await settle(60 * 60_000);
  expect(sign()).toBe('Recording · 1 h 1 min');
  expect(server.asked).toBe(1);
});

test('while it is paused no time passes', async () => {
  const { becomes } = await roomOf('guest', { status: 'recording', seconds: 3600 });
  await becomes({ status: 'paused', seconds: 3605 });
  await press(button('Recording paused'));
  await settle(90_000);
  expect(screen.getByRole('timer', { name: 'Recorded so far' }).textContent).toBe('1:00:05');
});

test('the sign opens the words about it and closes them again; until then the bar has no button for them', async () => {
  await roomOf('guest', { status: 'recording', seconds: 61, notice: 'Kept for thirty days.' });
  expect(screen.queryByTestId('panel-button')).toBeNull();
  await press(button('Recording · 1 min'));
  const panel = within(screen.getByRole('complementary', { name: 'Recording' }));
  expect(panel.getByText('Kept for thirty days.')).toBeTruthy();
  await settle(2000);
  expect(panel.getByRole('timer').textContent).toBe('0:01:03');
  await press(button('Recording · 1 min'));
  expect(screen.queryByRole('complementary')).toBeNull();
});

test('how long until it begins is counted down', async () => {
  await roomOf('guest', { status: 'starting', begins_at: 1005, now: 1000 });
  await press(button('Recording starts …'));
  expect(screen.getByText('Recording starts in 5 s')).toBeTruthy();
  await settle(2000);
  expect(screen.getByText('Recording starts in 3 s')).toBeTruthy();
});

// --- packets ---

test('many packets are one question, asked within 0.4 seconds', async () => {
  const { server, send } = await roomOf('guest');
  server.set({ at: 9, status: 'recording' });
  for (const at of [7, 8, 9]) send({ at, status: 'recording' });
  expect(server.asked).toBe(1);
  await settle(400);
  expect([server.asked, sign()]).toEqual([2, 'Recording']);
});

test('a packet that is older than what is known, or no packet at all, asks nothing', async () => {
  const { server, send } = await roomOf('guest', { at: 5 });
  for (const packet of [{ at: 4, status: 'recording' }, { at: 5, status: 'recording' }, {}, { at: '6' }]) send(packet);
  await settle(5000);
  expect(server.asked).toBe(1);
});

test('an answer that is older than what is known changes nothing', async () => {
  const { server, connect } = await roomOf('guest', { at: 5, status: 'recording' });
  server.state = { ...server.state, at: 4, status: 'off' };
  await connect();
  expect(sign()).toBe('Recording');
});

test('after a lost connection the page asks again', async () => {
  const { server, connect } = await roomOf('guest');
  server.set({ status: 'recording' });
  await connect();
  expect(sign()).toBe('Recording');
});

test('a host’s change of the settings is looked up too', async () => {
  const { server, heard } = await roomOf('guest');
  server.set({ camera_allowed: true });
  heard.get('settings')!();
  await settle(2000);
  expect(settings().getByRole('switch', { name: /My camera/ })).toBeTruthy();
});

test('a packet needn’t wait for a question that has more time', async () => {
  const { server, heard, send } = await roomOf('guest');
  vi.spyOn(Math, 'random').mockReturnValue(0.9);
  heard.get('settings')!();
  server.set({ status: 'recording' });
  send({ at: server.state.at, status: 'recording' });
  await settle(400);
  expect(sign()).toBe('Recording');
  await settle(2000);
  expect(server.asked).toBe(2);
});

test('while the server can’t be asked the sign goes by the packet, and the page asks until it knows', async () => {
  const { server, becomes } = await roomOf('guest', { at: 1 });
  server.down = true;
  await becomes({ status: 'recording' });
  expect(sign()).toBe('Recording');
  await press(button('Recording'));
  expect(screen.getByText('How the recording stands isn’t known at the moment.')).toBeTruthy();
  server.down = false;
  server.set({ notice: 'Kept for a year.' });
  await settle(10_000);
  expect(screen.getByText('Kept for a year.')).toBeTruthy();
  expect(screen.queryByText(/isn’t known/)).toBeNull();
});

test('who has left asks nothing more', async () => {
  const { server, send, leave } = await roomOf('guest');
  send({ at: 7, status: 'recording' });
  leave();
  send({ at: 8, status: 'recording' });
  await settle(60_000);
  expect(server.asked).toBe(1);
});

// --- the notice ---

test('before it begins people read the words and hear two tones, once', async () => {
  const { becomes, told, connect, room } = await roomOf('guest');
  await becomes({ status: 'starting', notice: NOTICE });
  expect([told(), chimes]).toEqual([[NOTICE], 1]);
  await connect();
  act(() => room.refresh());
  await becomes({ begins_at: 1007 });
  expect([told(), chimes]).toEqual([[NOTICE], 1]);
  await becomes({ status: 'recording' });
  expect([told().at(-1), chimes]).toEqual(['The recording has begun.', 1]);
});

test('it is spoken where there is a voice for the page’s language', async () => {
  withVoices('de-DE', 'en_GB');
  const { becomes } = await roomOf('guest', { sound: 'spoken' });
  await becomes({ status: 'starting', notice: NOTICE });
  expect(spoken.map(({ text, lang }) => [text, lang])).toEqual([['This lecture will now be recorded.', 'en_GB']]);
  expect(chimes).toBe(0);
});

test('without such a voice, or when the browser won’t speak, there are tones', async () => {
  withVoices('de-DE');
  const { becomes } = await roomOf('guest', { sound: 'spoken' });
  await becomes({ status: 'starting' });
  expect([spoken.length, chimes]).toEqual([0, 1]);
  withVoices('en-US');
  await becomes({ status: 'paused' });
  await becomes({ status: 'recording' });
  expect([spoken[0].text, chimes]).toEqual(['The recording goes on.', 1]);
  spoken[0].onerror!();
  expect(chimes).toBe(2);
});

test('where it is to be silent only the words come', async () => {
  withVoices('en-US');
  const { becomes, told } = await roomOf('guest', { sound: 'none' });
  await becomes({ status: 'starting', notice: NOTICE });
  expect([told(), spoken.length, chimes]).toEqual([[NOTICE], 0, 0]);
});

test.each(['missing', 'blocked'])('a browser whose speech and sound are %s shows the words all the same', async (how) => {
  const refuse = () => {
    throw new Error('blocked');
  };
  vi.stubGlobal('AudioContext', how === 'missing' ? undefined : refuse);
  vi.stubGlobal('speechSynthesis', how === 'missing' ? undefined : { getVoices: refuse, speak: refuse });
  const { becomes, told } = await roomOf('guest', { sound: 'spoken' });
  await becomes({ status: 'starting', notice: NOTICE });
  expect(told()).toEqual([NOTICE]);
  expect(sign()).toBe('Recording starts …');
});

test.each<[Status, string]>([
  ['starting', 'This lecture will be recorded in a moment.'],
  ['recording', 'This lecture is being recorded.'],
  ['paused', 'This lecture is being recorded. The recording is paused at the moment.'],
])('who comes while it is %s reads so, and nothing sounds', async (status, words) => {
  const { told } = await roomOf('guest', { status });
  expect([told(), chimes]).toEqual([[words], 0]);
});

test('when it goes on after a pause everybody is told again', async () => {
  const { becomes, told } = await roomOf('guest', { status: 'recording', notice: NOTICE });
  await becomes({ status: 'paused' });
  expect([told().at(-1), chimes]).toEqual(['The recording is paused.', 0]);
  await becomes({ status: 'recording' });
  expect([told().at(-1), chimes]).toEqual([`The recording goes on. ${NOTICE}`, 1]);
});

test('who has missed its beginning is told when they see it', async () => {
  const { becomes, told } = await roomOf('guest', { status: 'queued' });
  await becomes({ status: 'recording', notice: NOTICE });
  expect([told(), chimes]).toEqual([[`This lecture is being recorded. ${NOTICE}`], 1]);
});

test('everybody reads when it ends or is called off', async () => {
  const { becomes, told } = await roomOf('guest', { status: 'recording' });
  await becomes({ status: 'stopping' });
  await becomes({ status: 'off', ready: true });
  expect(told().slice(1)).toEqual(['The recording has ended.']);
  await becomes({ status: 'starting' });
  await becomes({ status: 'off' });
  expect(told().at(-1)).toBe('The lecture won’t be recorded.');
});

test.each<[Status, string]>([['recording', 'The recording has ended.'], ['starting', 'The lecture won’t be recorded.']])('when it fails while %s, guests read what that means for them', async (status, words) => {
  const { becomes, told } = await roomOf('guest', { status });
  await becomes({ status: 'failed' });
  expect([told().at(-1), sign()]).toEqual([words, null]);
});

// --- what hosts do ---

test('guests have no button to record', async () => {
  await roomOf('guest', { status: 'recording' });
  expect(screen.queryByRole('button', { name: /Record(?!ing$)/ })).toBeNull();
  await press(button('Recording'));
  expect(screen.queryByRole('group', { name: 'For everybody' })).toBeNull();
});

test('a host reads what will be recorded and begins', async () => {
  const { server } = await roomOf('host', { camera_allowed: true, ready: true });
  await press(button('Record'));
  expect(screen.getByRole('dialog', { name: 'Record this lecture?' }).textContent).toMatch(
    /the shared screen, or the host’s camera.*the sound of all who speak.*cameras of guests who agree.*a further part/,
  );
  expect(server.posted).toEqual([]);
  await press(dialog().getByRole('button', { name: 'Start recording' }));
  expect(server.posted).toEqual([['/start', { queue: false }]]);
  expect(screen.queryByRole('dialog')).toBeNull();
  expect([sign(), chimes]).toEqual(['Recording starts …', 1]);
});

test('the focus is on the question, and cancelling begins nothing', async () => {
  const { server } = await roomOf('host');
  await press(button('Record'));
  expect(document.activeElement?.textContent).toBe('Record this lecture?');
  await press(dialog().getByRole('button', { name: 'Cancel' }));
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(server.posted).toEqual([]);
});

test('with no recorder free a host is asked whether to wait', async () => {
  const { server } = await roomOf('host');
  server.refusals = [BUSY];
  await press(button('Record'));
  await press(dialog().getByRole('button', { name: 'Start recording' }));
  expect(screen.getByRole('dialog', { name: 'No recorder is free' }).textContent).toContain(BUSY.message);
  await press(dialog().getByRole('button', { name: 'Wait for a recorder' }));
  expect(server.posted).toEqual([['/start', { queue: false }], ['/start', { queue: true }]]);
  expect([sign(), screen.queryByRole('dialog')]).toEqual(['Recording waits for its turn', null]);
});

test('a host who would rather not wait is left alone', async () => {
  const { server, told } = await roomOf('host');
  server.refusals = [BUSY];
  await press(button('Record'));
  await press(dialog().getByRole('button', { name: 'Start recording' }));
  await press(dialog().getByRole('button', { name: 'Cancel' }));
  expect([server.posted.length, sign(), told()]).toEqual([1, null, []]);
});

test('any other refusal stands in the dialog in its own words, and one may try again', async () => {
  const { server } = await roomOf('host');
  server.refusals = [{ status: 403, code: 'forbidden', message: 'Only the room’s owner may record.' }];
  await press(button('Record'));
  await press(dialog().getByRole('button', { name: 'Start recording' }));
  expect(screen.getByRole('alert').textContent).toBe('Only the room’s owner may record.');
  await press(dialog().getByRole('button', { name: 'Start recording' }));
  expect(sign()).toBe('Recording starts …');
});

test('when the queue refuses too, that is said and not asked again', async () => {
  const { server } = await roomOf('host');
  server.refusals = [BUSY, BUSY];
  await press(button('Record'));
  await press(dialog().getByRole('button', { name: 'Start recording' }));
  await press(dialog().getByRole('button', { name: 'Wait for a recorder' }));
  expect(screen.getByRole('alert').textContent).toBe(BUSY.message);
});

test('a question that another host has answered goes away', async () => {
  const { becomes } = await roomOf('host');
  await press(button('Record'));
  await becomes({ status: 'starting' });
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('the hosts’ button leads to pausing, going on and stopping', async () => {
  const { server } = await roomOf('host', { status: 'recording' });
  const record = button('Recording: pause or stop');
  expect(record.getAttribute('aria-pressed')).toBe('true');
  await press(record);
  await press(button('Pause'));
  expect(sign()).toBe('Recording paused');
  await press(button('Go on recording'));
  await press(button('Stop …'));
  expect(server.posted.map(([path]) => path)).toEqual(['/pause', '/resume']);
  await press(dialog().getByRole('button', { name: 'Stop recording' }));
  expect(server.posted.at(-1)).toEqual(['/stop', {}]);
  expect([sign(), screen.queryByRole('dialog')]).toEqual(['Recording is being finished …', null]);
});

test('a lecture that goes on isn’t stopped by a slip', async () => {
  const { server } = await roomOf('host', { status: 'recording' });
  await press(button('Recording: pause or stop'));
  await press(button('Stop …'));
  await press(dialog().getByRole('button', { name: 'Cancel' }));
  expect([server.posted, sign()]).toEqual([[], 'Recording']);
});

test('a refused pause is said, and the page looks how it really stands', async () => {
  const { server, room } = await roomOf('host', { status: 'recording' });
  await press(button('Recording: pause or stop'));
  server.refusals = [{ status: 409, code: 'not_recording', message: 'The recording has ended already.' }];
  server.set({ status: 'off' });
  await press(button('Pause'));
  expect(room.toast).toHaveBeenCalledWith('The recording has ended already.', { kind: 'error' });
  await settle(400);
  expect(sign()).toBeNull();
});

test.each<[Status, string]>([['queued', 'Don’t wait any longer'], ['starting', 'Call it off']])('while it is %s nothing is lost: it ends without a question', async (status, name) => {
  const { server } = await roomOf('host', { status, why: 'Two lectures are before yours.' });
  await press(button('Recording: pause or stop'));
  expect(screen.getByText('Two lectures are before yours.')).toBeTruthy();
  await press(button(name));
  expect(server.posted).toEqual([['/stop', {}]]);
});

test('a host whose recording failed reads why at once, and tries again', async () => {
  const { server, becomes, room } = await roomOf('host', { status: 'recording' });
  await becomes({ status: 'failed', why: 'The recorder has gone.' });
  expect(room.toast).toHaveBeenLastCalledWith('The recorder has gone.', { kind: 'error' });
  await press(button('Recording failed'));
  expect(screen.getByText('The recorder has gone.')).toBeTruthy();
  server.refusals = [BUSY];
  await press(button('Try again'));
  await press(dialog().getByRole('button', { name: 'Wait for a recorder' }));
  expect(server.posted).toEqual([['/start', { queue: false }], ['/start', { queue: true }]]);
});

test('what goes wrong while it runs is said to hosts once', async () => {
  const { becomes, told } = await roomOf('host', { status: 'recording' });
  await becomes({ why: 'No sound arrives.' });
  await becomes({ seconds: 9 });
  expect(told().filter((words) => words === 'No sound arrives.')).toHaveLength(1);
});

test('when it is finished hosts read that it is kept', async () => {
  const { becomes, told } = await roomOf('host', { status: 'stopping' });
  await becomes({ status: 'off', ready: true });
  expect(told()).toEqual(['The recording is kept with the lecture.']);
});

test('who may not record finds out why, and can press nothing', async () => {
  const { server } = await roomOf('host', { may: false, why: 'Recording isn’t set up here.' });
  await press(button('Record (not possible: Recording isn’t set up here.)'));
  expect(dialog().getByText('Recording isn’t set up here.')).toBeTruthy();
  const start = dialog().getByRole('button', { name: 'Start recording' });
  await press(start);
  expect([isBlocked(start), server.posted]).toEqual([true, []]);
});

test('a host who may not steer a running one sees its buttons, dead, and why', async () => {
  const { server } = await roomOf('host', { status: 'recording', may: false, why: 'Only the owner may stop it.' });
  await press(button('Recording: pause or stop'));
  expect(screen.getByText('Only the owner may stop it.')).toBeTruthy();
  for (const name of ['Pause', 'Stop …']) {
    expect(isBlocked(button(name))).toBe(true);
    await press(button(name));
  }
  expect([server.posted, screen.queryByRole('dialog')]).toEqual([[], null]);
});

test('by keyboard: pause, go on and stay out of it without losing one’s place', async () => {
  await roomOf('host', { status: 'recording' });
  vi.useRealTimers();
  const user = userEvent.setup();
  button('Recording: pause or stop').focus();
  await user.keyboard('{Enter}');
  button('Pause').focus();
  await user.keyboard('{Enter}');
  await waitFor(() => expect([document.activeElement?.textContent, sign()]).toEqual(['Go on recording', 'Recording paused']));
  await user.keyboard(' ');
  await waitFor(() => expect([document.activeElement?.textContent, sign()]).toEqual(['Pause', 'Recording']));
  await user.tab();
  await user.tab();
  await user.keyboard(' ');
  const mine = within(screen.getByRole('complementary')).getByRole('switch', { name: /Don’t record me/, checked: true });
  await waitFor(() => expect(document.activeElement).toBe(mine));
});

test('hosts have a key for it, which is none of the room’s and of the other plugins’', async () => {
  const { registry } = await roomOf('host');
  const [{ shortcut }] = registry.list('control');
  expect(shortcut).toBe('o');
  expect(['c', 'h', 'r', 't', 'u']).not.toContain(shortcut);
});

// --- everybody's own choice ---

test('“Don’t record me” holds from the running recording and from the settings', async () => {
  const { server, room } = await roomOf('guest', { status: 'recording' });
  await press(button('Recording'));
  const mine = within(screen.getByRole('complementary')).getByRole('switch', { name: /Don’t record me/ }) as HTMLInputElement;
  await press(mine);
  expect([server.posted, mine.checked]).toEqual([[['/me', { recorded: false }]], true]);
  expect(room.announce).toHaveBeenLastCalledWith('You aren’t recorded.');
  const same = settings().getByRole('switch', { name: /Don’t record me/ }) as HTMLInputElement;
  expect(same.checked).toBe(true);
  await press(same);
  expect([server.posted.at(-1), mine.checked]).toEqual([['/me', { recorded: true }], false]);
});

test('a camera is in it only for guests who say so, where that may be', async () => {
  const { server } = await roomOf('guest', { camera_allowed: true });
  const camera = settings().getByRole('switch', { name: /My camera may be in the recording/ }) as HTMLInputElement;
  expect(camera.checked).toBe(false);
  await press(camera);
  expect([server.posted, camera.checked]).toEqual([[['/me', { camera: true }]], true]);
});

test('who stays out of it has nothing to say about the camera', async () => {
  const { server } = await roomOf('guest', { camera_allowed: true, me: { recorded: false, camera: true } });
  const camera = settings().getByRole('switch', { name: /My camera/ }) as HTMLInputElement;
  await press(camera);
  expect([camera.checked, isBlocked(camera), server.posted]).toEqual([false, true, []]);
});

test.each<['guest' | 'host', boolean]>([['guest', false], ['host', true]])('there is no choice of the camera for a %s with cameras allowed: %s', async (role, allowed) => {
  await roomOf(role, { camera_allowed: allowed });
  expect(settings().queryByRole('switch', { name: /My camera/ })).toBeNull();
  expect(settings().getByRole('switch', { name: /Don’t record me/ })).toBeTruthy();
});

test('a refused choice is said, and the switch stays where it is true', async () => {
  const { server, room } = await roomOf('guest');
  server.refusals = [{ status: 409, code: 'over', message: 'The lecture is over.' }];
  const mine = settings().getByRole('switch', { name: /Don’t record me/ }) as HTMLInputElement;
  await press(mine);
  expect(room.toast).toHaveBeenCalledWith('The lecture is over.', { kind: 'error' });
  expect(mine.checked).toBe(false);
});

test('an answer from before the choice doesn’t turn it back', async () => {
  const { server, connect } = await roomOf('guest');
  let answer: (standing: Standing) => void = () => undefined;
  const old = server.state;
  server.get.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)));
  await connect();
  const mine = settings().getByRole('switch', { name: /Don’t record me/ }) as HTMLInputElement;
  await press(mine);
  answer(old);
  await settle();
  expect(mine.checked).toBe(true);
});

test('as long as nothing is known nobody is shown a choice that may be wrong', async () => {
  const { server } = await roomOf('guest', { me: { recorded: false, camera: false } }, true);
  expect(settings().getByText('What you have chosen isn’t known at the moment.')).toBeTruthy();
  expect(settings().queryByRole('switch')).toBeNull();
  server.down = false;
  await settle(10_000);
  expect((settings().getByRole('switch', { name: /Don’t record me/ }) as HTMLInputElement).checked).toBe(true);
});
