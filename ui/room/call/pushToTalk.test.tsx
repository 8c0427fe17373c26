import { act, cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { announced } from '../notices';
import { Store } from '../store';
import { callIn, Hall, InCall } from '../testing/hall';
import type { Held } from './devices';
import { HeldDown, usePushToTalk } from './pushToTalk';

function open() {
  const held = new Store<Held>('no');
  const devices = { held, hold: vi.fn(async () => held.set('open')), release: vi.fn(async () => held.set('no')) };
  const call = callIn(new Hall([]), { devices } as never);
  const Page = () => {
    usePushToTalk(call);
    return <HeldDown />;
  };
  const { unmount } = render(
    <InCall call={call}>
      <Page />
      <button type="button">Other</button>
      <input aria-label="Chat" />
    </InCall>,
  );
  return { call, devices, unmount };
}
function key(type: 'keydown' | 'keyup', init: KeyboardEventInit = {}, target: EventTarget = document.body) {
  const event = new KeyboardEvent(type, { key: ' ', bubbles: true, cancelable: true, ...init });
  act(() => void target.dispatchEvent(event));
  return event;
}

afterEach(() => {
  cleanup();
  document.body.replaceChildren();
  localStorage.clear();
});

test('it is open while the space bar is down, seen and read out, and closes with it', () => {
  const { devices } = open();
  expect(key('keydown').defaultPrevented).toBe(true);
  expect(key('keydown', { repeat: true }).defaultPrevented).toBe(true);
  expect(devices.hold).toHaveBeenCalledOnce();
  expect(screen.getByText(/You can be heard/)).toBeTruthy();
  expect(announced.value).toBe('Microphone on');
  key('keyup');
  expect(devices.release).toHaveBeenCalledOnce();
  expect(screen.queryByText(/You can be heard/)).toBeNull();
  expect(announced.value).toBe('Microphone off');
});

test('who looks at another window, or leaves, is no longer heard', () => {
  const { devices, unmount } = open();
  key('keydown');
  act(() => void dispatchEvent(new Event('blur')));
  expect(devices.release).toHaveBeenCalledOnce();
  key('keydown');
  unmount();
  expect(devices.release).toHaveBeenCalledTimes(2);
});

test('in a field it is a space, on a button it presses the button, in a dialog it is the dialog’s', () => {
  const { devices } = open();
  expect(key('keydown', {}, screen.getByLabelText('Chat')).defaultPrevented).toBe(false);
  expect(key('keydown', {}, screen.getByText('Other')).defaultPrevented).toBe(false);
  document.body.appendChild(document.createElement('dialog')).setAttribute('open', '');
  key('keydown');
  expect(devices.hold).not.toHaveBeenCalled();
});

test('it is off with the other keys', () => {
  const { call, devices } = open();
  act(() => call.view.useShortcuts(false));
  key('keydown');
  expect(devices.hold).not.toHaveBeenCalled();
});
