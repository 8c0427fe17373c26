/** What a host changed in the room's settings, and what of it goes to the server. */
import type { FormField, FormGroup, RoomChange, Wrong } from '../api';

export type Value = string | boolean | string[];
export type Draft = Readonly<Record<string, Value>>;

export const CORE = 'core';
export const keyOf = (owner: string, field: string) => `${owner}.${field}`;
export const switchOf = (owner: string) => `on:${owner}`;

const lines = (value: unknown) => (Array.isArray(value) ? value.join('\n') : String(value ?? ''));

function asTyped({ kind, value }: FormField): Value {
  if (kind === 'switch') return value === true;
  if (kind === 'choices') return Array.isArray(value) ? value.map(String) : [];
  return kind === 'list' ? lines(value) : String(value ?? '');
}

function asSent({ kind }: FormField, value: Value): unknown {
  if (kind !== 'list') return value;
  return String(value).split('\n').map((line) => line.trim()).filter(Boolean);
}

export function draftOf(groups: readonly FormGroup[]): Draft {
  const fields = groups.flatMap(({ owner, fields }) => fields.map((field) => [keyOf(owner, field.name), asTyped(field)] as const));
  const switches = groups.flatMap(({ owner, on }) => (on === undefined ? [] : [[switchOf(owner), on] as const]));
  return Object.fromEntries([...switches, ...fields]);
}

const same = (a: Value, b: Value) => String(a) === String(b) && typeof a === typeof b;
const isOn = ({ owner, on }: FormGroup, draft: Draft) => on === undefined || draft[switchOf(owner)] === true;

function changedFields(group: FormGroup, before: Draft, now: Draft): Record<string, unknown> | undefined {
  // What is switched off keeps what it is set to, and nobody is asked to mend it.
  if (!isOn(group, now)) return undefined;
  const changed = group.fields.filter(({ name }) => !same(before[keyOf(group.owner, name)], now[keyOf(group.owner, name)]));
  if (!changed.length) return undefined;
  return Object.fromEntries(changed.map((field) => [field.name, asSent(field, now[keyOf(group.owner, field.name)])]));
}

/** Only what was changed: what somebody else changes meanwhile stays. Null when there is nothing to send. */
export function changeOf(groups: readonly FormGroup[], before: Draft, now: Draft): RoomChange | null {
  const change: RoomChange = {};
  for (const group of groups) {
    const settings = changedFields(group, before, now);
    const on = now[switchOf(group.owner)] as boolean | undefined;
    const enabled = on !== before[switchOf(group.owner)] ? on : undefined;
    // Core has several groups.
    if (group.owner === CORE && settings) change.settings = { ...change.settings, ...settings };
    if (group.owner !== CORE && (settings || enabled !== undefined)) {
      change.plugins = { ...change.plugins, [group.owner]: { enabled, settings } };
    }
  }
  return Object.keys(change).length ? change : null;
}

/** The words for each field, by its key; `` is for what belongs to none. */
export function errorsOf({ reason, errors }: Wrong): Readonly<Record<string, string>> {
  const told = errors.map(({ field, message }) => [keyIn(field), message] as const);
  const found = Object.fromEntries(told.filter(([key]) => key));
  return Object.keys(found).length ? found : { '': errors[0]?.message || reason };
}

function keyIn(path: string): string {
  const [, owner, name] = /^plugins\.([^.]+)\.settings\.([^.]+)/.exec(path) ?? [];
  if (owner) return keyOf(owner, name);
  const [, own] = /^settings\.([^.]+)/.exec(path) ?? [];
  return own ? keyOf(CORE, own) : '';
}
