import { EventEmitter } from 'node:events';
import { createElement } from 'react';
import { act, render, screen } from '@testing-library/react';
import { RoomEvent, type Room } from 'livekit-client';
import { expect, test, vi } from 'vitest';
import { PluginHost } from '../call/host';
import { PluginView } from '../call/fences';
import { admission, pageConfig, pluginEntry } from './room';

/** The plugin that docs/plugins/room-ui.md shows. */
async function hostWithPoll(role: 'guest' | 'host') {
  const config = { question: 'Clear?', choices: ['Yes', 'No'] };
  const page = pageConfig({ plugins: [pluginEntry('poll', { config })] });
  const room = new EventEmitter() as unknown as Room;
  const host = new PluginHost(page, { ...admission, role }, room);
  // @ts-expect-error -- plain JavaScript, as third parties write it
  await host.loadAll(() => import('./plugin.js'));
  return { host, room };
}

test('the plugin of the documentation counts votes that the server sends', async () => {
  const { host, room } = await hostWithPoll('guest');
  expect(host.failures).toEqual([]);
  const entry = host.registry.list('panel')[0];
  const draw = () => createElement(PluginView, { entry, host });
  const { rerender } = render(draw());
  expect(screen.getByRole('button', { name: 'Yes: 0' })).toBeTruthy();
  const packet = new TextEncoder().encode(JSON.stringify({ votes: { Yes: 3 } }));
  act(() => void room.emit(RoomEvent.DataReceived, packet, undefined, 0, 'poll'));
  rerender(draw());
  await vi.waitFor(() => expect(screen.getByRole('button', { name: 'Yes: 3' })).toBeTruthy());
});

test('only hosts see the control that is theirs', async () => {
  expect((await hostWithPoll('guest')).host.registry.visible('control')).toEqual([]);
  expect((await hostWithPoll('host')).host.registry.visible('control')).toHaveLength(1);
});
