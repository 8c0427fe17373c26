import { cleanup, renderHook } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { Registry } from '../registry';
import type { CallParts } from './context';
import { pluginShortcuts, useShortcuts } from './shortcuts';
import { PEOPLE, ViewStore } from './view';

function makeCall() {
  const registry = new Registry();
  const host = { registry, run: vi.fn((_plugin: string, work: () => void) => work()) };
  const devices = { toggle: vi.fn(async () => undefined), toggleScreen: vi.fn(async () => undefined) };
  return { host, devices, view: new ViewStore() } as unknown as CallParts & { devices: typeof devices };
}
function press(key: string, init: KeyboardEventInit = {}, target: EventTarget = document.body) {
  target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...init }));
}

afterEach(() => {
  cleanup();
  document.body.replaceChildren();
  localStorage.clear();
});

test('single keys do what the sheet says', () => {
  const call = makeCall();
  renderHook(() => useShortcuts(call));
  press('m');
  press('V');
  press('p');
  press('?');
  expect(call.devices.toggle.mock.calls).toEqual([['microphone'], ['camera']]);
  expect(call.host.registry.openPanel).toBe(PEOPLE);
  expect(call.view.value.dialog).toBe('shortcuts');
});

test.each([{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { repeat: true }])('keys of the browser are left alone: %o', (init) => {
  const call = makeCall();
  renderHook(() => useShortcuts(call));
  press('m', init);
  expect(call.devices.toggle).not.toHaveBeenCalled();
});

test.each(['input', 'textarea', 'select'])('typing into a field (%s) is typing', (tag) => {
  const call = makeCall();
  renderHook(() => useShortcuts(call));
  const field = document.body.appendChild(document.createElement(tag));
  press('m', {}, field);
  expect(call.devices.toggle).not.toHaveBeenCalled();
});

test('an open dialog has the keys for itself', () => {
  const call = makeCall();
  renderHook(() => useShortcuts(call));
  document.body.appendChild(document.createElement('dialog')).setAttribute('open', '');
  press('m');
  expect(call.devices.toggle).not.toHaveBeenCalled();
});

test('they can be switched off, but the sheet still opens', () => {
  const call = makeCall();
  call.view.useShortcuts(false);
  renderHook(() => useShortcuts(call));
  press('m');
  press('?');
  expect(call.devices.toggle).not.toHaveBeenCalled();
  expect(call.view.value.dialog).toBe('shortcuts');
});

test('keys of plugins work and are on the sheet', () => {
  const call = makeCall();
  const onClick = vi.fn();
  call.host.registry.add('control', 'hands', { id: 'hand', label: () => 'Raise hand', icon: 'hand', shortcut: 'h', onClick });
  renderHook(() => useShortcuts(call));
  press('h');
  expect(onClick).toHaveBeenCalledOnce();
  expect(pluginShortcuts(call).map(({ key, words }) => [key, words])).toEqual([['h', 'Raise hand']]);
});

test('a disabled control does not answer to its key', () => {
  const call = makeCall();
  const onClick = vi.fn();
  call.host.registry.add('control', 'hands', { id: 'hand', label: 'Hand', icon: 'hand', shortcut: 'h', disabled: () => true, onClick });
  renderHook(() => useShortcuts(call));
  press('h');
  expect(onClick).not.toHaveBeenCalled();
});
