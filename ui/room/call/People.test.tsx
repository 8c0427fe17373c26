import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import type { Participant } from 'livekit-client';
import { Profiler } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { callIn, Hall, InCall, students, withHeights, type Who } from '../testing/hall';
import type { CallParts } from './context';
import { LINGER_MS } from './crowd';
import { People } from './People';

const HANDS = { id: 'hands', order: 1, rank: (): number | null => null };
let commits: number;

function open(people: readonly Who[], prepare: (call: CallParts) => void = () => undefined) {
  const hall = new Hall(people);
  const call = callIn(hall);
  prepare(call);
  commits = 0;
  render(
    <InCall call={call}>
      <Profiler id="people" onRender={() => (commits += 1)}>
        <People />
      </Profiler>
    </InCall>,
  );
  return { hall, call };
}
const rows = () => screen.getAllByRole('listitem');
const names = () => rows().map((row) => row.querySelector('.person-name .truncate')?.textContent);
const soon = (ms = 300) => act(async () => vi.advanceTimersByTime(ms));

beforeEach(() => {
  vi.useFakeTimers();
  withHeights();
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  localStorage.clear();
});

test('of 500 people only those in sight are drawn, and each row says its place among all', () => {
  open(students(499));
  expect(rows().length).toBeLessThan(30);
  expect(rows()[1].getAttribute('aria-setsize')).toBe('500');
  expect(rows().map((row) => row.getAttribute('aria-posinset'))).toEqual(rows().map((_, i) => String(i + 1)));
  expect(screen.getByText('500 people')).toBeTruthy();
});

test('hands come first in their order, then hosts, then who talks, then names', async () => {
  const queue = ['Zoe', 'Bob'];
  const rank = (participant: Participant) => (queue.includes(participant.name!) ? queue.indexOf(participant.name!) : null);
  const people = ['Bob', 'Zoe', 'Ada', 'Carl', 'Dora', 'Eve', 'Fay'].map((name) => ({ name, host: name === 'Eve' }));
  const { hall } = open(people, ({ host }) => void host.registry.add('peopleRank', 'webinar', { ...HANDS, rank }));
  act(() => hall.talk('Dora'));
  await soon();
  expect(names()).toEqual(['Me', 'Zoe', 'Bob', 'Eve', 'Dora', 'Ada', 'Carl', 'Fay']);
});

test('a plugin that fails or has no opinion changes nothing', () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  open([{ name: 'Bob' }, { name: 'Ada' }], ({ host }) => {
    host.registry.add('peopleRank', 'a', { ...HANDS, rank: () => { throw new Error('no'); } });
    host.registry.add('peopleRank', 'b', { ...HANDS, rank: () => NaN });
  });
  expect(names()).toEqual(['Me', 'Ada', 'Bob']);
});

test('the order can be chosen and is remembered', () => {
  open([...students(8), { name: 'Aaron', joined: 99, host: true }]);
  fireEvent.change(screen.getByLabelText('Order of the list'), { target: { value: 'latest' } });
  expect(names().slice(0, 3)).toEqual(['Me', 'Aaron', 'Student 007']);
  cleanup();
  open([...students(8), { name: 'Aaron', joined: 3.5 }]);
  expect(names().slice(0, 2)).toEqual(['Me', 'Student 007']);
});

test('a search finds every word of a name, without its accents', () => {
  open([...students(20), { name: 'Zoë Müller' }]);
  fireEvent.change(screen.getByLabelText('Search people'), { target: { value: 'mull zoe' } });
  expect(names()).toEqual(['Zoë Müller']);
  expect(screen.getByText('1 of 22 people')).toBeTruthy();
});

test('who came, who left and who talks come in batches, not one by one', async () => {
  const { hall } = open(students(400));
  await soon();
  const before = commits;
  for (let i = 0; i < 100; i++) act(() => hall.come({ name: `Late ${i}` }));
  await soon();
  expect(commits - before).toBeLessThan(8);
  expect(screen.getByText('501 people')).toBeTruthy();
});

test('somebody far down the list who begins to talk draws the rows in sight once, not 500', async () => {
  const { hall, call } = open(students(499));
  await soon();
  const before = commits;
  const asked = vi.spyOn(call.host.registry, 'visible');
  act(() => hall.talk('Student 400'));
  await soon();
  expect(names()[1]).toBe('Student 400');
  expect(commits - before).toBeLessThan(5);
  expect(asked.mock.calls.filter(([kind]) => kind === 'participantAction').length).toBeLessThan(30);
  act(() => hall.talk());
  await soon(LINGER_MS * 2);
  expect(names()[1]).toBe('Student 000');
});

function withMenus({ host }: CallParts) {
  host.registry.add('participantAction', 'x', { id: 'a', label: 'Greet', icon: 'info', run() {} });
}
const menuOf = (name: string) => screen.getByRole('button', { name: `Actions for ${name}` });

test('arrow keys lead from menu to menu, and the focus stays when the order changes', async () => {
  const { hall } = open(students(499), withMenus);
  act(() => menuOf('Me').focus());
  fireEvent.keyDown(document.activeElement!, { key: 'ArrowDown' });
  expect(document.activeElement).toBe(menuOf('Student 000'));
  act(() => hall.talk('Student 400'));
  await soon();
  expect(document.activeElement).toBe(menuOf('Student 000'));
  expect(names()[1]).toBe('Student 000');
  act(() => menuOf('Student 000').blur());
  await soon();
  expect(names()[1]).toBe('Student 400');
});

test('when the one with the focus leaves, the next one has it', async () => {
  const { hall } = open(students(30), withMenus);
  act(() => menuOf('Student 002').focus());
  act(() => hall.go('Student 002'));
  await soon();
  expect(document.activeElement).toBe(menuOf('Student 003'));
});

test('a menu names whom it is about and does what it says', () => {
  const run = vi.fn();
  open([{ name: 'Ada' }], ({ host }) => void host.registry.add('participantAction', 'x', { id: 'a', label: 'Greet', icon: 'info', run }));
  const row = rows()[1];
  fireEvent.click(within(row).getByText('Greet'));
  expect(run.mock.calls[0][0].name).toBe('Ada');
});
