import { cleanup, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { JoinAnswer } from './api';
import { beginWithHabit, choices, choose } from './choices';
import type { PageConfig } from './config';
import { Entrance } from './entrance';
import { Prejoin } from './Prejoin';
import type { StreamListener } from './stream';
import { admission, FakeRoutes, pageConfig } from './testing/room';

function show(answers: JoinAnswer[], config: Partial<PageConfig> = {}) {
  const routes = new FakeRoutes(answers);
  const streams: StreamListener[] = [];
  const openStream = (_url: string, listener: StreamListener) => {
    streams.push(listener);
    return { close() {} };
  };
  const entrance = new Entrance(routes.asRoutes, { openStream, describeBrowser: async () => '' });
  render(<Prejoin config={pageConfig(config)} entrance={entrance} />);
  return { routes, entrance, streams, user: userEvent.setup() };
}
const person = (change: Partial<PageConfig['me']>) => ({ me: { signed_in: false, name: '', role: 'stranger', known: false, ...change } }) as Partial<PageConfig>;
const button = (name: string) => screen.getByRole('button', { name });

beforeEach(() => {
  localStorage.clear();
  vi.stubGlobal('MediaStream', class {});
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test('a guest types a name and goes in', async () => {
  const { user, routes, entrance } = show([admission]);
  await user.type(screen.getByLabelText('Your name'), 'Ada{Enter}');
  expect(routes.asked[0].name).toBe('Ada');
  expect(entrance.stage.value.name).toBe('admitted');
});

test('a name of spaces is asked for again, with the focus on it', async () => {
  const { user, routes } = show([admission]);
  const field = screen.getByLabelText('Your name');
  await user.type(field, '   ');
  await user.click(button('Join lecture'));
  expect(field.getAttribute('aria-invalid')).toBe('true');
  expect(document.activeElement).toBe(field);
  expect(routes.asked).toEqual([]);
});

test('a host reads why nobody gets in', () => {
  show([], { room: { id: 'r', title: 'Graphs', code: 'kxf-pmua-wz', link: 'http://localhost:8000/r/kxf-pmua-wz', live: false, shut: 'Nobody but hosts can enter.' } });
  expect(screen.getByText('Nobody but hosts can enter.')).toBeTruthy();
});

test('the name is remembered by this browser', async () => {
  const first = show([admission]);
  await first.user.type(screen.getByLabelText('Your name'), 'Ada{Enter}');
  cleanup();
  show([admission]);
  expect(screen.getByLabelText<HTMLInputElement>('Your name').value).toBe('Ada');
});

test('who is known joins with one click', async () => {
  const { user, routes } = show([admission], person({ known: true, name: 'Ada', role: 'participant' }));
  expect(screen.queryByLabelText('Your name')).toBeNull();
  await user.click(button('Join lecture'));
  expect(routes.asked[0]).toMatchObject({ name: 'Ada' });
  expect(routes.asked[0].as_someone_else).toBeUndefined();
});

test('somebody else at the same computer joins as somebody else', async () => {
  const { user, routes } = show([admission], person({ known: true, name: 'Ada' }));
  await user.click(button('Not you? Join as someone else'));
  await user.type(screen.getByLabelText('Your name'), 'Bob{Enter}');
  expect(routes.asked[0]).toMatchObject({ name: 'Bob', as_someone_else: true });
});

test('a host starts the lecture from here', async () => {
  const room = { ...pageConfig().room, live: false };
  const { user, routes } = show([admission], { room, ...person({ signed_in: true, name: 'Emmy', role: 'host' }) });
  await user.click(button('Start lecture'));
  expect(routes.started).toBe(1);
  expect(routes.asked[0].name).toBe('Emmy');
});

test('a host whose lecture is live just joins', () => {
  show([admission], person({ signed_in: true, name: 'Emmy', role: 'host' }));
  expect(button('Join lecture')).toBeTruthy();
});

test('what is asked gets its field, its reason and the focus', async () => {
  const asked: JoinAnswer = { status: 'asked', field: 'pin', label: 'PIN', reason: 'That PIN is wrong.', retryAfter: 0 };
  const { user, routes } = show([asked, admission]);
  await user.type(screen.getByLabelText('Your name'), 'Ada{Enter}');
  const field = await screen.findByLabelText('PIN');
  expect(screen.getByText('That PIN is wrong.')).toBeTruthy();
  expect(document.activeElement).toBe(field);
  await user.type(field, '123456{Enter}');
  expect(routes.asked[1].answer).toEqual({ field: 'pin', value: '123456' });
});

test('after too many tries the button waits as long as the server says', async () => {
  const asked: JoinAnswer = { status: 'asked', field: 'pin', label: 'PIN', reason: 'Too many tries.', retryAfter: 30 };
  const { user } = show([asked]);
  await user.type(screen.getByLabelText('Your name'), 'Ada{Enter}');
  const wait = await screen.findByRole('button', { name: /Try again in \d+ s/ });
  expect((wait as HTMLButtonElement).disabled).toBe(true);
});

test('a waiting guest reads why, keeps the place, and may stop', async () => {
  const waiting: JoinAnswer = { status: 'waiting', reason: 'The host isn’t here yet', code: 'host_absent', stream_url: '/s' };
  const { user, routes, streams } = show([waiting]);
  await user.type(screen.getByLabelText('Your name'), 'Ada{Enter}');
  expect(await screen.findByText('The host isn’t here yet')).toBeTruthy();
  streams[0].onConnected(false);
  expect(await screen.findByText(/you keep your place/)).toBeTruthy();
  await user.click(button('Stop waiting'));
  expect(routes.left).toBe(1);
  expect(screen.getByLabelText('Your name')).toBeTruthy();
});

test('a host who waits for a host can start', async () => {
  const waiting: JoinAnswer = { status: 'waiting', reason: 'The host isn’t here yet', code: 'host_absent', stream_url: '/s' };
  const { user, routes } = show([waiting, admission], person({ signed_in: true, name: 'Emmy', role: 'host' }));
  await user.click(button('Join lecture'));
  await user.click(await screen.findByRole('button', { name: 'Start lecture' }));
  expect(routes.started).toBe(1);
});

test('a refusal is told in the words of the server', async () => {
  const { user } = show([{ status: 'denied', reason: 'You were removed from this lecture.' }]);
  await user.type(screen.getByLabelText('Your name'), 'Ada{Enter}');
  expect((await screen.findByRole('alert')).textContent).toBe('You were removed from this lecture.');
});

test('a server that is down is tried again, and the person is told when', async () => {
  const { user } = show([{ status: 'unavailable', reason: 'One moment, please.', retryAfter: 3 }]);
  await user.type(screen.getByLabelText('Your name'), 'Ada{Enter}');
  expect(await screen.findByText('One moment, please.')).toBeTruthy();
  expect(screen.getByText(/Trying again in \d s/)).toBeTruthy();
});

test('without camera and microphone one can still join', async () => {
  localStorage.setItem('audimax:devices', '{"microphone":false,"camera":false}');
  const { user, entrance } = show([admission]);
  await user.type(screen.getByLabelText('Your name'), 'Ada{Enter}');
  expect(entrance.stage.value.name).toBe('admitted');
});

test('the microphone works only on a secure address, which is said beside the form', async () => {
  show([admission]);
  expect(await screen.findByText(/microphone works only on a secure address/)).toBeTruthy();
});

test('a guest comes in as the room wishes, a host as the last time', () => {
  const settings = { microphone_on_entry: false, camera_on_entry: false };
  beginWithHabit(pageConfig({ settings }));
  expect(choices.value).toMatchObject({ microphone: false, camera: false });
  choose({ microphone: true, camera: true });
  beginWithHabit(pageConfig({ settings, ...person({ role: 'host' }) }));
  expect(choices.value).toMatchObject({ microphone: true, camera: true });
});
