import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WaitingStream } from './stream';
import { FakeEventSource } from './testing/room';

const listener = { onEvent: vi.fn(), onConnected: vi.fn(), onLost: vi.fn() };
const pauses = { next: vi.fn(() => 1000), reset: vi.fn() };
const open = () => new WaitingStream('/stream', listener, pauses);

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  FakeEventSource.all = [];
  vi.stubGlobal('EventSource', FakeEventSource);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('it hands on what the server says', () => {
  open();
  FakeEventSource.last.send('WAITING', { reason: 'soon' });
  expect(listener.onEvent).toHaveBeenCalledWith('WAITING', { reason: 'soon' });
});

test('words that are no JSON break nothing', () => {
  open();
  FakeEventSource.last.dispatchEvent(new MessageEvent('STARTING', { data: 'oops' }));
  expect(listener.onEvent).toHaveBeenCalledWith('STARTING', {});
});

test('a stream that closes is opened again after a pause, never at once', () => {
  open();
  FakeEventSource.last.onerror?.();
  expect(FakeEventSource.all[0].closed).toBe(true);
  expect(FakeEventSource.all).toHaveLength(1);
  vi.advanceTimersByTime(1000);
  expect(FakeEventSource.all).toHaveLength(2);
});

test('the page says so while it is not connected', () => {
  open();
  FakeEventSource.last.onerror?.();
  expect(listener.onConnected).toHaveBeenLastCalledWith(false);
  vi.advanceTimersByTime(1000);
  FakeEventSource.last.onopen?.();
  expect(listener.onConnected).toHaveBeenLastCalledWith(true);
});

test('a server that refuses it three times is asked at the door again', () => {
  open();
  for (let i = 0; i < 3; i++) {
    FakeEventSource.last.onerror?.();
    vi.advanceTimersByTime(1000);
  }
  expect(listener.onLost).toHaveBeenCalledOnce();
  expect(FakeEventSource.all).toHaveLength(3);
});

test('an opened stream starts counting from the beginning', () => {
  open();
  for (let i = 0; i < 6; i++) {
    FakeEventSource.last.onopen?.();
    FakeEventSource.last.onerror?.();
    vi.advanceTimersByTime(1000);
  }
  expect(listener.onLost).not.toHaveBeenCalled();
});

test('the pauses grow until the server has said something', () => {
  open();
  FakeEventSource.last.onopen?.();
  expect(pauses.reset).not.toHaveBeenCalled();
  FakeEventSource.last.send('WAITING', {});
  expect(pauses.reset).toHaveBeenCalledOnce();
});

test('a closed stream stays closed', () => {
  const stream = open();
  FakeEventSource.last.onerror?.();
  stream.close();
  vi.advanceTimersByTime(60_000);
  FakeEventSource.last.send('APPROVED', {});
  expect(FakeEventSource.all).toHaveLength(1);
  expect(listener.onEvent).not.toHaveBeenCalled();
});
