import { EventEmitter } from 'node:events';
import { ConnectionState, DisconnectReason, RoomEvent, type Room } from 'livekit-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { JoinAnswer } from '../api';
import type { Entrance } from '../entrance';
import { admission, FakeRoutes } from '../testing/room';
import { Connection, quickReconnects, troubleWords } from './connection';

class FakeRoom extends EventEmitter {
  connect = vi.fn(async (_url: string, _token: string) => undefined as void);
  disconnect = vi.fn(async () => undefined);
}

function makeConnection(...answers: JoinAnswer[]) {
  const room = new FakeRoom();
  const routes = new FakeRoutes(answers);
  const taken: JoinAnswer[] = [];
  const door = { routes: routes.asRoutes, askQuietly: () => routes.join({ name: 'Ada' }), take: (answer: JoinAnswer) => taken.push(answer) };
  const publish = vi.fn(async () => undefined);
  const onOver = vi.fn();
  const connection = new Connection({ room: room as unknown as Room, admission, door: door as unknown as Entrance, publish, onOver });
  return { room, routes, taken, publish, onOver, connection };
}
const waiting = (code: string): JoinAnswer => ({ status: 'waiting', reason: '', code, stream_url: '/s' });
const later = () => vi.advanceTimersByTimeAsync(20_000);

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});
afterEach(() => void vi.useRealTimers());

test('it connects with the token of the admission and sends what was chosen', async () => {
  const { connection, room, publish } = makeConnection();
  await connection.start();
  expect(room.connect).toHaveBeenCalledWith(admission.livekit_url, admission.token, { autoSubscribe: false });
  expect(publish).toHaveBeenCalledOnce();
  expect(connection.phase.value.name).toBe('connected');
});

test('media that take long are tried over TCP, and that is said', async () => {
  const { connection, room } = makeConnection();
  room.connect.mockImplementation(() => new Promise(() => undefined));
  void connection.start();
  room.emit(RoomEvent.SignalConnected);
  await vi.advanceTimersByTimeAsync(5000);
  expect(troubleWords(connection.phase.value)).toContain('TCP');
});

test('a LiveKit that is away is tried again with a fresh token', async () => {
  const fresh = { ...admission, token: 'fresh' };
  const { connection, room } = makeConnection(fresh);
  room.connect.mockRejectedValueOnce(new Error('unreachable'));
  void connection.start();
  await vi.advanceTimersByTimeAsync(1);
  expect(connection.phase.value).toEqual({ name: 'connecting', trouble: 'unreachable' });
  await later();
  expect(room.connect).toHaveBeenLastCalledWith(admission.livekit_url, 'fresh', { autoSubscribe: false });
  expect(connection.phase.value.name).toBe('connected');
});

test('when livekit-client gives up, the door is asked again', async () => {
  const { connection, room, routes, publish } = makeConnection(admission);
  await connection.start();
  room.emit(RoomEvent.Disconnected, DisconnectReason.UNKNOWN_REASON);
  expect(connection.phase.value.name).toBe('reconnecting');
  await later();
  expect(routes.asked).toHaveLength(1);
  expect(publish).toHaveBeenCalledTimes(2);
  expect(connection.phase.value.name).toBe('connected');
});

test('a server that is down is asked again and again', async () => {
  const down: JoinAnswer = { status: 'unavailable', reason: '', retryAfter: 3 };
  const { connection, room, routes } = makeConnection(down, down, admission);
  await connection.start();
  room.emit(RoomEvent.Disconnected, DisconnectReason.UNKNOWN_REASON);
  await later();
  expect(routes.asked).toHaveLength(3);
  expect(connection.phase.value.name).toBe('connected');
});

test('the network coming back is not waited for', async () => {
  const { connection, room, routes } = makeConnection(admission);
  await connection.start();
  room.emit(RoomEvent.Disconnected, DisconnectReason.UNKNOWN_REASON);
  await vi.advanceTimersByTimeAsync(1);
  dispatchEvent(new Event('online'));
  await vi.advanceTimersByTimeAsync(1);
  expect(routes.asked).toHaveLength(1);
});

test.each([
  [DisconnectReason.DUPLICATE_IDENTITY, 'replaced'],
  [DisconnectReason.PARTICIPANT_REMOVED, 'removed'],
  [DisconnectReason.ROOM_DELETED, 'ended'],
])('reason %s is the end: %s', async (reason, kind) => {
  const { connection, room, routes, onOver } = makeConnection(admission);
  await connection.start();
  room.emit(RoomEvent.Disconnected, reason);
  await later();
  expect(onOver).toHaveBeenCalledExactlyOnceWith({ kind, lectureId: 'lecture' });
  expect(routes.asked).toEqual([]);
});

test('no lecture any more: it has ended, and nobody is left waiting', async () => {
  const { connection, room, routes, onOver } = makeConnection(waiting('host_absent'));
  await connection.start();
  room.emit(RoomEvent.Disconnected, DisconnectReason.UNKNOWN_REASON);
  await later();
  expect(onOver).toHaveBeenCalledWith({ kind: 'ended', lectureId: 'lecture' });
  expect(routes.left).toBe(1);
});

test('a host hears of the end as well', async () => {
  const { connection, room, onOver } = makeConnection({ status: 'not_live', reason: '' });
  await connection.start();
  room.emit(RoomEvent.Disconnected, DisconnectReason.UNKNOWN_REASON);
  await later();
  expect(onOver).toHaveBeenCalledWith({ kind: 'ended', lectureId: 'lecture' });
});

test('another lecture by now: the old one has ended', async () => {
  const { connection, room, onOver } = makeConnection({ ...admission, lecture_id: 'next' });
  await connection.start();
  room.emit(RoomEvent.Disconnected, DisconnectReason.UNKNOWN_REASON);
  await later();
  expect(onOver).toHaveBeenCalledWith({ kind: 'ended', lectureId: 'lecture' });
});

test.each<JoinAnswer>([{ status: 'denied', reason: 'Banned.' }, waiting('lobby'), { ...admission, identity: 'new' }])(
  'an answer that leads elsewhere ($status) is handed to the entrance',
  async (answer) => {
    const { connection, room, taken, onOver } = makeConnection(answer);
    await connection.start();
    room.emit(RoomEvent.Disconnected, DisconnectReason.UNKNOWN_REASON);
    await later();
    expect(taken).toEqual([answer]);
    expect(onOver).not.toHaveBeenCalled();
    expect(room.disconnect).toHaveBeenCalled();
  },
);

test('a short break is shown, and forgotten when it is over', async () => {
  const { connection, room } = makeConnection();
  await connection.start();
  room.emit(RoomEvent.ConnectionStateChanged, ConnectionState.SignalReconnecting);
  expect(troubleWords(connection.phase.value)).toContain('reconnecting');
  await vi.advanceTimersByTimeAsync(7000);
  expect(troubleWords(connection.phase.value)).toContain('can’t be reached');
  room.emit(RoomEvent.ConnectionStateChanged, ConnectionState.Connected);
  expect(troubleWords(connection.phase.value)).toBe('');
});

test('who leaves has left, whatever comes after', async () => {
  const { connection, room, onOver } = makeConnection(admission);
  await connection.start();
  connection.leave();
  room.emit(RoomEvent.Disconnected, DisconnectReason.UNKNOWN_REASON);
  await later();
  expect(onOver).toHaveBeenCalledExactlyOnceWith({ kind: 'left', lectureId: 'lecture' });
});

test('reconnecting never pauses longer than two seconds, and gives up after a minute', () => {
  const pause = (retryCount: number, elapsedMs: number) => quickReconnects.nextRetryDelayInMs({ retryCount, elapsedMs });
  for (let i = 0; i < 40; i++) expect(pause(i, 1000)).toBeLessThanOrEqual(2000);
  expect(pause(3, 61_000)).toBeNull();
});

test('a page that slept comes back: livekit-client had left, the person had not', async () => {
  const { connection, room, onOver } = makeConnection(admission);
  await connection.start();
  room.emit(RoomEvent.Disconnected, DisconnectReason.CLIENT_INITIATED);
  await later();
  expect(onOver).not.toHaveBeenCalled();
  expect(room.connect).toHaveBeenCalledTimes(2);
});

test('a page that goes away says so to LiveKit', async () => {
  const { connection, room } = makeConnection();
  await connection.start();
  dispatchEvent(new Event('pagehide'));
  expect(room.disconnect).toHaveBeenCalledOnce();
});
