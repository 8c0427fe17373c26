import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Changed, FormField, FormGroup, RoomForm } from '../api';
import { notices } from '../notices';
import { callIn, Hall, InCall } from '../testing/hall';
import { RoomSettings } from './RoomSettings';

const field = (name: string, kind: FormField['kind'], value: unknown, more: Partial<FormField> = {}): FormField => ({
  name,
  kind,
  value,
  label: `The ${name}`,
  help: '',
  locked: false,
  choices: [],
  ...more,
});
const GROUPS: FormGroup[] = [
  { owner: 'core', title: 'In the room', help: '', page: '', page_title: '', fields: [field('names', 'switch', false)] },
  {
    owner: 'door',
    title: 'Waiting room',
    help: 'Guests wait.',
    on: false,
    page: '/plugins/door/room',
    page_title: 'Who waits',
    fields: [
      field('most', 'number', 20, { minimum: 1, maximum: 500 }),
      field('list', 'list', ['Bob']),
      field('days', 'choices', ['monday'], { choices: [{ value: 'monday', label: 'Monday' }, { value: 'friday', label: 'Friday' }] }),
    ],
  },
];

function open(change: Changed = { status: 'changed' }, form: RoomForm = { status: 'form', groups: GROUPS }) {
  const routes = { form: vi.fn(async () => form), change: vi.fn(async () => change) };
  const onClose = vi.fn();
  render(
    <InCall call={callIn(new Hall([]), { routes } as never)}>
      <RoomSettings onClose={onClose} />
    </InCall>,
  );
  return { routes, onClose };
}
const save = () => fireEvent.click(screen.getByRole('button', { name: 'Save', hidden: true }));
const waitingRoom = () => screen.findByRole('switch', { name: 'Waiting room', hidden: true });

beforeEach(() => {
  HTMLDialogElement.prototype.showModal = function showModal() { this.open = true; };
  HTMLDialogElement.prototype.close = function close() { this.dispatchEvent(new Event('close')); };
  notices.set([]);
});
afterEach(cleanup);

test('only what was changed is sent, in the shape of the API', async () => {
  const { routes, onClose } = open();
  fireEvent.click(await waitingRoom());
  fireEvent.change(screen.getByLabelText('The most'), { target: { value: '30' } });
  fireEvent.change(screen.getByLabelText('The list'), { target: { value: ' Bob\n\nGrace ' } });
  fireEvent.click(screen.getByLabelText('Friday'));
  save();
  await waitFor(() => expect(onClose).toHaveBeenCalled());
  const settings = { most: '30', list: ['Bob', 'Grace'], days: ['monday', 'friday'] };
  expect(routes.change).toHaveBeenCalledWith({ plugins: { door: { enabled: true, settings } } });
  expect(notices.value[0].text).toContain('saved');
});

test('what is wrong stands beside its field, the first has the focus, and nothing is lost', async () => {
  const errors = [
    { field: 'plugins.door.settings.days', message: 'Please choose one of these.' },
    { field: 'plugins.door.settings.most', message: 'Please type a number from 1 to 500.' },
  ];
  const { onClose } = open({ status: 'wrong', reason: 'Please check.', errors });
  fireEvent.click(await waitingRoom());
  const most = screen.getByLabelText('The most') as HTMLInputElement;
  fireEvent.change(most, { target: { value: '900' } });
  save();
  await screen.findByText('Please type a number from 1 to 500.');
  expect(document.activeElement).toBe(most);
  expect(most.getAttribute('aria-describedby')).toBe(screen.getByText('Please type a number from 1 to 500.').closest('p')!.id);
  expect(most.value).toBe('900');
  expect(onClose).not.toHaveBeenCalled();
});

test('a mistake of a group as a whole, a refusal or a lost connection is told above the button', async () => {
  open({ status: 'wrong', reason: 'Both can’t be on.', errors: [{ field: '', message: 'Both can’t be on.' }] });
  fireEvent.click(await waitingRoom());
  save();
  expect((await screen.findByRole('alert', { hidden: true })).textContent).toContain('Both can’t be on.');
});

test('what is switched off isn’t asked to be right', async () => {
  const { routes } = open(undefined, { status: 'form', groups: [GROUPS[0], { ...GROUPS[1], on: true }] });
  fireEvent.click(await waitingRoom());
  fireEvent.change(screen.getByLabelText('The most'), { target: { value: '' } });
  save();
  expect(routes.change).toHaveBeenCalledWith({ plugins: { door: { enabled: false, settings: undefined } } });
});

test('with changes it doesn’t close by Escape, and says why; discarding closes it', async () => {
  const { onClose, routes } = open();
  fireEvent.click(await waitingRoom());
  const escape = new Event('cancel', { cancelable: true });
  fireEvent(document.querySelector('dialog')!, escape);
  expect(escape.defaultPrevented).toBe(true);
  expect(screen.getByRole('alert', { hidden: true }).textContent).toContain('aren’t saved yet');
  fireEvent.click(screen.getByRole('button', { name: 'Discard changes', hidden: true }));
  expect(onClose).toHaveBeenCalled();
  expect(routes.change).not.toHaveBeenCalled();
});

test('settings that can’t be loaded are asked for again', async () => {
  const { routes } = open(undefined, { status: 'unavailable', reason: 'Something went wrong on the server.', retryAfter: 3 });
  fireEvent.click(await screen.findByRole('button', { name: 'Try again', hidden: true }));
  await waitFor(() => expect(routes.form).toHaveBeenCalledTimes(2));
});

test('what the institution has set is shown and can’t be changed', async () => {
  const fields = [
    field('most', 'number', 20, { locked: true }),
    field('days', 'choices', ['monday'], { locked: true, choices: [{ value: 'monday', label: 'Monday' }] }),
    field('sound', 'switch', true),
  ];
  const door: FormGroup = { owner: 'door', title: 'Waiting room', help: '', on: true, on_locked: true, page: '', page_title: '', fields };
  open({ status: 'changed' }, { status: 'form', groups: [door] });
  const control = (await waitingRoom()) as HTMLInputElement;
  expect([control.disabled, control.checked]).toEqual([true, true]);
  const most = screen.getByLabelText('The most') as HTMLInputElement;
  expect([most.disabled, most.value]).toEqual([true, '20']);
  expect(document.getElementById(most.getAttribute('aria-describedby')!)!.textContent).toContain('Set by your institution.');
  expect((screen.getByLabelText('Monday') as HTMLInputElement).matches(':disabled')).toBe(true);
  expect((screen.getByLabelText('The sound') as HTMLInputElement).disabled).toBe(false);
  expect(screen.getAllByText('Set by your institution.')).toHaveLength(3);
});
