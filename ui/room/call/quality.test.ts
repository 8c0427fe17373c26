import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EventEmitter } from 'node:events';
import { ConnectionQuality, ParticipantEvent, RoomEvent, type Room } from 'livekit-client';
import { tellNode, tellQuality } from './quality';

const LONG_ENOUGH_MS = 9000;

function told() {
  const me = new EventEmitter();
  const say = vi.fn();
  const stop = tellQuality({ localParticipant: me } as unknown as Room, say);
  const becomes = (quality: ConnectionQuality) => me.emit(ParticipantEvent.ConnectionQualityChanged, quality);
  return { say, stop, becomes };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a connection that stays weak is told once, and that it is good again', () => {
  const { say, becomes } = told();
  becomes(ConnectionQuality.Poor);
  vi.advanceTimersByTime(LONG_ENOUGH_MS);
  becomes(ConnectionQuality.Poor);
  vi.advanceTimersByTime(LONG_ENOUGH_MS);
  becomes(ConnectionQuality.Excellent);
  vi.advanceTimersByTime(LONG_ENOUGH_MS);
  expect(say.mock.calls).toEqual([['weak'], ['good']]);
});

test('a moment of weakness, and a good connection from the beginning, are not worth a word', () => {
  const { say, becomes } = told();
  becomes(ConnectionQuality.Good);
  becomes(ConnectionQuality.Lost);
  vi.advanceTimersByTime(1000);
  becomes(ConnectionQuality.Excellent);
  becomes(ConnectionQuality.Unknown);
  vi.advanceTimersByTime(LONG_ENOUGH_MS);
  expect(say).not.toHaveBeenCalled();
});

test('who has left says nothing more', () => {
  const { say, becomes, stop } = told();
  becomes(ConnectionQuality.Poor);
  stop();
  vi.advanceTimersByTime(LONG_ENOUGH_MS);
  becomes(ConnectionQuality.Lost);
  vi.advanceTimersByTime(LONG_ENOUGH_MS);
  expect(say).not.toHaveBeenCalled();
});

test('the node is told once, and again when a connection has come back to another one', () => {
  const room = Object.assign(new EventEmitter(), { serverInfo: { nodeId: 'ND_one' } as { nodeId?: string } | undefined });
  const say = vi.fn();
  const stop = tellNode(room as unknown as Room, say);
  room.emit(RoomEvent.Connected);
  room.emit(RoomEvent.Reconnected);
  room.serverInfo = undefined;
  room.emit(RoomEvent.Reconnected);
  room.serverInfo = { nodeId: 'ND_two' };
  room.emit(RoomEvent.Reconnected);
  stop();
  room.serverInfo = { nodeId: 'ND_three' };
  room.emit(RoomEvent.Reconnected);
  expect(say.mock.calls).toEqual([['ND_one'], ['ND_two']]);
});
