import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Asked, JoinAnswer, Waiting } from './api';
import { Entrance } from './entrance';
import type { StreamListener } from './stream';
import { admission, FakeRoutes } from './testing/room';

const waiting: Waiting = { status: 'waiting', reason: 'The host isn’t here yet', code: 'host_absent', stream_url: '/stream' };
const asked: Asked = { status: 'asked', field: 'pin', label: 'PIN', reason: '', retryAfter: 0 };

function entranceWith(answers: JoinAnswer[], pin = '') {
  const routes = new FakeRoutes(answers);
  const streams: { url: string; listener: StreamListener; close: ReturnType<typeof vi.fn> }[] = [];
  const entrance = new Entrance(routes.asRoutes, {
    pin,
    describeBrowser: async () => 'f'.repeat(64),
    openStream: (url, listener) => {
      const stream = { url, listener, close: vi.fn() };
      streams.push(stream);
      return stream;
    },
  });
  return { entrance, routes, streams };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('the join carries the name and the fingerprint', async () => {
  const { entrance, routes } = entranceWith([admission]);
  await entrance.join('Ada');
  expect(routes.asked).toEqual([{ name: 'Ada', fingerprint: 'f'.repeat(64) }]);
  expect(entrance.stage.value).toEqual({ name: 'admitted', admission });
});

test('the join carries the code of the link', async () => {
  const routes = new FakeRoutes([admission]);
  const entrance = new Entrance(routes.asRoutes, { code: 'kxf-pmua-wz', describeBrowser: async () => '' });
  await entrance.join('Ada');
  expect(routes.asked[0]).toMatchObject({ name: 'Ada', code: 'kxf-pmua-wz' });
});

test('"not you?" says so to the server', async () => {
  const { entrance, routes } = entranceWith([admission]);
  await entrance.join('Bob', true);
  expect(routes.asked[0]).toMatchObject({ name: 'Bob', as_someone_else: true });
});

test('a host starts the lecture and goes in', async () => {
  const { entrance, routes } = entranceWith([admission]);
  await entrance.start('Emmy');
  expect(routes.started).toBe(1);
  expect(entrance.stage.value.name).toBe('admitted');
});

test('an answer goes with the field that was asked for', async () => {
  const { entrance, routes } = entranceWith([asked, admission]);
  await entrance.join('Ada');
  expect(entrance.stage.value).toMatchObject({ name: 'asked', asked });
  await entrance.answer('123456');
  expect(routes.asked[1]).toMatchObject({ name: 'Ada', answer: { field: 'pin', value: '123456' } });
  expect(entrance.stage.value.name).toBe('admitted');
});

test('the PIN of the link is answered again where nobody could look at it', async () => {
  const busy: JoinAnswer = { status: 'unavailable', reason: 'Busy.', retryAfter: 3 };
  const { entrance, routes } = entranceWith([asked, busy, asked, admission], '123456');
  await entrance.join('Ada');
  await vi.waitFor(() => expect(entrance.stage.value.name).toBe('unavailable'));
  await entrance.again();
  await vi.waitFor(() => expect(entrance.stage.value).toEqual({ name: 'admitted', admission }));
  expect(routes.asked.map((body) => body.answer?.value)).toEqual([undefined, '123456', undefined, '123456']);
});

test('the PIN of the link is answered once, by itself', async () => {
  const wrong = { ...asked, reason: 'Wrong.' };
  const { entrance, routes } = entranceWith([asked, wrong], '123456');
  await entrance.join('Ada');
  await vi.waitFor(() => expect(entrance.stage.value).toMatchObject({ name: 'asked', asked: wrong }));
  expect(routes.asked.map((body) => body.answer?.value)).toEqual([undefined, '123456']);
});

test('a waiting guest holds one stream and is let in by it', async () => {
  const { entrance, streams } = entranceWith([waiting]);
  await entrance.join('Ada');
  expect(streams.map((stream) => stream.url)).toEqual(['/stream']);
  streams[0].listener.onEvent('STARTING', {});
  expect(entrance.stage.value).toMatchObject({ name: 'waiting', starting: true });
  streams[0].listener.onEvent('APPROVED', { ...admission, status: undefined });
  expect(entrance.stage.value).toEqual({ name: 'admitted', admission });
  expect(streams[0].close).toHaveBeenCalled();
});

test('news of the wait are shown', async () => {
  const { entrance, streams } = entranceWith([waiting]);
  await entrance.join('Ada');
  streams[0].listener.onEvent('WAITING', { reason: 'The host will let you in', code: 'lobby', info: { place: 3, message: 'Two minutes' } });
  expect(entrance.stage.value).toMatchObject({ reason: 'The host will let you in', place: 3, message: 'Two minutes' });
});

test('a refusal while waiting ends the wait with its words', async () => {
  const { entrance, streams } = entranceWith([waiting]);
  await entrance.join('Ada');
  streams[0].listener.onEvent('REJECTED', { reason: 'Not today.' });
  expect(entrance.stage.value).toEqual({ name: 'denied', reason: 'Not today.' });
});

test('a question while waiting is asked', async () => {
  const { entrance, streams } = entranceWith([waiting]);
  await entrance.join('Ada');
  streams[0].listener.onEvent('ASKED', { field: 'pin', label: 'PIN', reason: '' });
  expect(entrance.stage.value).toMatchObject({ name: 'asked' });
});

test('waiting in another tab is said, and can be taken over', async () => {
  const { entrance, streams } = entranceWith([waiting]);
  await entrance.join('Ada');
  streams[0].listener.onEvent('CLOSED', { reason: 'elsewhere' });
  expect(entrance.stage.value.name).toBe('elsewhere');
  await entrance.again();
  expect(entrance.stage.value.name).toBe('waiting');
});

test('a stream that stays away leads back to the door', async () => {
  const { entrance, streams, routes } = entranceWith([waiting, admission]);
  await entrance.join('Ada');
  streams[0].listener.onLost();
  await vi.waitFor(() => expect(entrance.stage.value.name).toBe('admitted'));
  expect(routes.asked).toHaveLength(2);
});

test('the wait stays on the screen while the server is away', async () => {
  const down: JoinAnswer = { status: 'unavailable', reason: 'Down.', retryAfter: 3 };
  const { entrance, streams } = entranceWith([waiting, down, admission]);
  await entrance.join('Ada');
  streams[0].listener.onLost();
  await vi.waitFor(() => expect(entrance.stage.value).toMatchObject({ name: 'waiting', connected: false }));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(entrance.stage.value.name).toBe('admitted');
});

test('LiveKit down: the page tries again by itself', async () => {
  const down: JoinAnswer = { status: 'unavailable', reason: 'One moment.', retryAfter: 3 };
  const { entrance, routes } = entranceWith([down, admission]);
  await entrance.join('Ada');
  expect(entrance.stage.value).toMatchObject({ name: 'unavailable', reason: 'One moment.' });
  await vi.advanceTimersByTimeAsync(2900);
  expect(routes.asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(2000);
  expect(entrance.stage.value.name).toBe('admitted');
});

test('who stops waiting gives up the place', async () => {
  const { entrance, routes, streams } = entranceWith([waiting]);
  await entrance.join('Ada');
  entrance.stopWaiting();
  expect(routes.left).toBe(1);
  expect(streams[0].close).toHaveBeenCalled();
  expect(entrance.stage.value.name).toBe('form');
});

test('a wrong name leads back to its field', async () => {
  const { entrance } = entranceWith([{ status: 'invalid', field: 'name', reason: 'Too long.' }]);
  await entrance.join('A'.repeat(500));
  expect(entrance.stage.value).toEqual({ name: 'form', field: 'name', error: 'Too long.' });
});

test('a restart of the server is no end of the wait', async () => {
  const { entrance, streams } = entranceWith([waiting]);
  await entrance.join('Ada');
  streams[0].listener.onEvent('CLOSED', { reason: 'restart' });
  expect(entrance.stage.value.name).toBe('waiting');
  expect(streams[0].close).not.toHaveBeenCalled();
});

test('a host whose lecture is over may start the next one', async () => {
  const { entrance } = entranceWith([{ status: 'not_live', reason: 'Start it first.' }]);
  await entrance.join('Emmy');
  expect(entrance.stage.value).toEqual({ name: 'form', notLive: true });
});

test('who was sent away may ask again when the time has come, not before and not by itself', async () => {
  const { entrance, routes } = entranceWith([{ status: 'denied', reason: 'Not now', retryAfter: 40 }, waiting]);
  await entrance.join('Ada');
  expect(entrance.stage.value).toEqual({ name: 'denied', reason: 'Not now', againAt: Date.now() + 40_000 });
  await vi.advanceTimersByTimeAsync(120_000);
  expect(routes.asked).toHaveLength(1);
  await entrance.again();
  expect(entrance.stage.value.name).toBe('waiting');
});
