import { ConnectionState } from 'livekit-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { notices } from '../notices';
import { Hall, students } from '../testing/hall';
import { Doorkeeper, telling, tellWhen } from './coming';

function makeHall(count = 0) {
  const hall = Object.assign(new Hall(students(count)), { state: ConnectionState.Connected });
  return { hall, keeper: new Doorkeeper(hall.asRoom) };
}
const told = () => notices.value.map(({ text }) => text);

beforeEach(() => {
  vi.useFakeTimers();
  notices.set([]);
  telling.set('small');
});
afterEach(() => {
  vi.useRealTimers();
  localStorage.clear();
});

test('one, two and many who come within a few seconds are one sentence', () => {
  const { hall } = makeHall();
  hall.come({ name: 'Ada' });
  vi.advanceTimersByTime(3000);
  hall.come({ name: 'Bob' });
  hall.come({ name: 'Carl' });
  vi.advanceTimersByTime(3000);
  for (const { name } of students(13)) hall.come({ name });
  vi.advanceTimersByTime(3000);
  expect(told()).toEqual(['Ada has joined.', 'Bob and Carl have joined.', 'Student 000 and 12 others have joined.']);
});

test('who leaves and is back at once is no news', () => {
  const { hall } = makeHall(3);
  hall.go('Student 001');
  hall.come({ name: 'Student 001' });
  hall.go('Student 002');
  vi.advanceTimersByTime(3000);
  expect(told()).toEqual(['Student 002 has left.']);
});

test('a hall is quiet, unless one wants to be told; then in larger bundles', () => {
  const { hall } = makeHall(200);
  hall.come({ name: 'Ada' });
  vi.advanceTimersByTime(20_000);
  expect(told()).toEqual([]);
  tellWhen('always');
  for (const name of ['Bob', 'Carl', 'Dora']) {
    hall.come({ name });
    vi.advanceTimersByTime(3000);
  }
  vi.advanceTimersByTime(3000);
  expect(told()).toEqual(['Bob and 2 others have joined.']);
});

test('it can be switched off, and the choice is kept', () => {
  tellWhen('never');
  const { hall } = makeHall();
  hall.come({ name: 'Ada' });
  vi.advanceTimersByTime(20_000);
  expect(told()).toEqual([]);
  expect(localStorage.getItem('audimax:coming-and-going')).toBe('"never"');
});

test('a connection that is lost doesn’t say that all have left', () => {
  const { hall } = makeHall(5);
  hall.state = ConnectionState.Reconnecting;
  for (const { name } of students(5)) hall.go(name);
  vi.advanceTimersByTime(20_000);
  expect(told()).toEqual([]);
});

test('once closed it says nothing', () => {
  const { hall, keeper } = makeHall();
  hall.come({ name: 'Ada' });
  keeper.close();
  hall.come({ name: 'Bob' });
  vi.advanceTimersByTime(20_000);
  expect(told()).toEqual([]);
});
