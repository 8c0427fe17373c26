import { EventEmitter } from 'node:events';
import type { Room } from 'livekit-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { dismiss, notices, toast } from '../notices';
import { Bus } from './bus';
import { followMessages } from './messages';

const bus = new Bus(new EventEmitter() as unknown as Room, vi.fn());
const texts = () => notices.value.map((notice) => notice.text);
const hear = (payload: unknown, from = 'server') => bus.emit('data:room', payload, { topic: 'room', from });

let stop = () => {};
beforeEach(() => {
  vi.useFakeTimers();
  notices.set([]);
  stop = followMessages(bus);
});
afterEach(() => {
  stop();
  vi.useRealTimers();
});

test('a message of the administration stays until it is dismissed, whatever comes after it', () => {
  hear({ message: 'Please end in {time}' });
  for (const word of ['one', 'two', 'three', 'four', 'five']) toast(word);
  vi.advanceTimersByTime(60_000);
  expect(texts()).toEqual(['Message from the administration: Please end in {time}']);
  dismiss(notices.value[0]!.id);
  expect(texts()).toEqual([]);
});

test('only the server is believed, and nonsense says nothing', () => {
  hear({ message: 'Leave at once' }, 'agent');
  for (const nonsense of [null, 'words', { message: 3 }, { message: '' }, { plugins: [] }]) hear(nonsense);
  expect(texts()).toEqual([]);
});

test('nothing is heard after leaving, and it is never endless', () => {
  hear({ message: 'x'.repeat(9000) });
  expect(texts()[0]!.length).toBeLessThan(600);
  stop();
  hear({ message: 'Late' });
  expect(texts()).toHaveLength(1);
});
