import { EventEmitter } from 'node:events';
import { RoomEvent, type Room } from 'livekit-client';
import { expect, test, vi } from 'vitest';
import { Bus } from './bus';

type Handler = (reader: unknown, from: { identity: string }) => void;

class FakeRoom extends EventEmitter {
  readonly handlers = new Map<string, Handler>();
  agents = new Set<string>();

  registerTextStreamHandler(topic: string, handler: Handler) {
    if (this.handlers.has(topic)) throw new Error('already registered');
    this.handlers.set(topic, handler);
  }
  unregisterTextStreamHandler(topic: string) {
    this.handlers.delete(topic);
  }
  getParticipantByIdentity(identity: string) {
    return { identity, isAgent: this.agents.has(identity) };
  }
  packet(topic: string, payload: unknown, participant?: { isAgent: boolean }, identity = '') {
    const bytes = new TextEncoder().encode(JSON.stringify(payload));
    this.emit(RoomEvent.DataReceived, bytes, participant, 0, topic, 0, identity);
  }
}

function makeBus() {
  const room = new FakeRoom();
  const onError = vi.fn();
  return { room, onError, bus: new Bus(room as unknown as Room, onError) };
}

async function* chunksOf(...chunks: string[]) {
  yield* chunks;
}
const reader = (...chunks: string[]) => Object.assign(chunksOf(...chunks), { info: { id: 's', attributes: { final: 'true' }, timestamp: 1 } });

test('a packet of the server reaches the plugin', () => {
  const { room, bus } = makeBus();
  const heard = vi.fn();
  bus.on('data:poll', heard);
  room.packet('poll', { votes: 3 });
  expect(heard).toHaveBeenCalledWith({ votes: 3 }, { topic: 'poll', from: 'server' });
});

test('the server tells of changed settings, nobody else does', () => {
  const { room, bus } = makeBus();
  const heard = vi.fn();
  bus.on('settings', heard);
  room.packet('room', { plugins: [] }, { isAgent: false }, 'mallory');
  room.packet('room', { plugins: [] }, undefined, 'somebody unknown');
  expect(heard).not.toHaveBeenCalled();
  room.packet('room', { plugins: [] });
  expect(heard).toHaveBeenCalledOnce();
});

test('a packet of the agent is believed', () => {
  const { room, bus } = makeBus();
  const heard = vi.fn();
  bus.on('data:captions', heard);
  room.packet('captions', 'x', { isAgent: true }, 'agent-1');
  expect(heard).toHaveBeenCalledWith('x', { topic: 'captions', from: 'agent' });
});

test('a packet of a participant is never believed', () => {
  const { room, bus } = makeBus();
  const heard = vi.fn();
  bus.on('data:poll', heard);
  room.packet('poll', { votes: 99 }, { isAgent: false }, 'mallory');
  expect(heard).not.toHaveBeenCalled();
});

test('nor is one of somebody whom this page does not know yet', () => {
  const { room, bus } = makeBus();
  const heard = vi.fn();
  bus.on('data:poll', heard);
  room.packet('poll', { votes: 99 }, undefined, 'mallory');
  expect(heard).not.toHaveBeenCalled();
});

test('bytes that are no JSON come as text', () => {
  const { room, bus } = makeBus();
  const heard = vi.fn();
  bus.on('data:plain', heard);
  room.emit(RoomEvent.DataReceived, new TextEncoder().encode('hello'), undefined, 0, 'plain');
  expect(heard).toHaveBeenCalledWith('hello', expect.anything());
});

test('two plugins may listen to one text topic; the handler goes with the last', () => {
  const { room, bus } = makeBus();
  const first = bus.on('text:lk.transcription', vi.fn());
  const second = bus.on('text:lk.transcription', vi.fn());
  first();
  expect([...room.handlers.keys()]).toEqual(['lk.transcription']);
  second();
  expect(room.handlers.size).toBe(0);
});

test('the text of the agent grows chunk by chunk', async () => {
  const { room, bus } = makeBus();
  room.agents.add('agent-1');
  const texts: string[] = [];
  bus.on('text:t', ({ text, closed }: { text: string; closed: boolean }) => texts.push(closed ? `${text}.` : text));
  room.handlers.get('t')?.(reader('Good ', 'morning'), { identity: 'agent-1' });
  await vi.waitFor(() => expect(texts).toEqual(['Good ', 'Good morning', 'Good morning.']));
});

test('a text of a participant is never believed', async () => {
  const { room, bus } = makeBus();
  const heard = vi.fn();
  bus.on('text:t', heard);
  room.handlers.get('t')?.(reader('forged'), { identity: 'mallory' });
  await Promise.resolve();
  expect(heard).not.toHaveBeenCalled();
});

test('a listener that throws does not keep the news from the others', () => {
  const { room, bus, onError } = makeBus();
  const heard = vi.fn();
  bus.on('joined', () => {
    throw new Error('no');
  });
  bus.on('joined', heard);
  room.emit(RoomEvent.ParticipantConnected, { identity: 'ada' });
  expect(heard).toHaveBeenCalledOnce();
  expect(onError).toHaveBeenCalledOnce();
});

test('"connected" comes each time the connection stands', () => {
  const { room, bus } = makeBus();
  const connected = vi.fn();
  const states: string[] = [];
  bus.on('connected', connected);
  bus.on('connection', (state: string) => states.push(state));
  for (const state of ['connecting', 'connected', 'signalReconnecting', 'connected']) room.emit(RoomEvent.ConnectionStateChanged, state);
  expect(connected).toHaveBeenCalledTimes(2);
  expect(states).toEqual(['connecting', 'connected', 'reconnecting', 'connected']);
});
