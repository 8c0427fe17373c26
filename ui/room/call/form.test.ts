import { expect, test } from 'vitest';
import type { FormGroup } from '../api';
import { changeOf } from './form';

const field = (name: string) => ({ name, kind: 'number', label: name, help: '', value: 0 });
const group = (title: string, name: string) =>
  ({ owner: 'core', title, help: '', page: '', fields: [field(name)] }) as unknown as FormGroup;

test('what is changed in several groups of core is sent together', () => {
  const groups = [group('In the room', 'lines'), group('How long it is kept', 'keep_chat_days')];
  const before = { 'core.lines': '0', 'core.keep_chat_days': '0' };
  const change = changeOf(groups, before, { 'core.lines': '3', 'core.keep_chat_days': '90' });
  expect(Object.keys(change?.settings ?? {})).toEqual(['lines', 'keep_chat_days']);
  expect(changeOf(groups, before, before)).toBeNull();
});
