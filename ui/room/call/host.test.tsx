import { EventEmitter } from 'node:events';
import { cleanup, render, screen } from '@testing-library/react';
import type { Room } from 'livekit-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { notices } from '../notices';
import type { RoomApi } from '../sdk';
import { admission, pageConfig, pluginEntry } from '../testing/room';
import { PluginView } from './fences';
import { PluginHost } from './host';

type Modules = Record<string, { default?: unknown } | Promise<never>>;
const never = new Promise<never>(() => undefined);
const tick = () => new Promise((resolve) => setTimeout(resolve));

function hostOf(...ids: string[]) {
  return new PluginHost(pageConfig({ plugins: ids.map((id) => pluginEntry(id)) }), admission, new EventEmitter() as unknown as Room);
}
const load = (host: PluginHost, modules: Modules, ms = 30) => host.loadAll(async (address) => modules[address], ms);
const failed = (host: PluginHost) => host.failures.map(({ id }) => id).sort();
const panel = { id: 'p', title: 'Panel', icon: 'info', mount() {} };

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined));
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test('one broken, one slow and one empty plugin do not stop a good one', async () => {
  const host = hostOf('broken', 'slow', 'empty', 'good');
  await load(host, {
    broken: { default: () => { throw new Error('no'); } },
    slow: never,
    empty: {},
    good: { default: (room: RoomApi) => void room.addPanel(panel) },
  });
  expect(failed(host)).toEqual(['broken', 'empty', 'slow']);
  expect(host.registry.list('panel').map(({ plugin }) => plugin)).toEqual(['good']);
});

test('a plugin that needs a newer room is left out by name', async () => {
  const config = pageConfig({ plugins: [pluginEntry('new', { apiVersion: 99 })] });
  const host = new PluginHost(config, admission, new EventEmitter() as unknown as Room);
  await load(host, { new: { default: vi.fn() } });
  expect(host.failures[0].error).toContain('needs room API 99');
});

test('what a plugin added before it broke is taken back', async () => {
  const host = hostOf('half');
  const setup = (room: RoomApi) => {
    room.addPanel(panel);
    throw new Error('later');
  };
  await load(host, { half: { default: setup } });
  expect(host.registry.list('panel')).toEqual([]);
});

test('a failure is told once, however often it happens', async () => {
  const host = hostOf('a');
  const watcher = vi.fn();
  host.registry.subscribe(watcher);
  for (let i = 0; i < 5; i++) host.fail('a', new Error('same'));
  expect(watcher).not.toHaveBeenCalled();
  await tick();
  expect(watcher).toHaveBeenCalledOnce();
  expect(host.failures).toHaveLength(1);
});

test('a view that throws shows a note, and the rest of the room stays', async () => {
  const host = hostOf('crashy');
  const Crash = () => {
    throw new Error('render went wrong');
  };
  host.registry.add('panel', 'crashy', { id: 'p', title: 'P', icon: 'info', component: Crash });
  render(
    <>
      <p>the call</p>
      <PluginView entry={host.registry.list('panel')[0]} host={host} />
    </>,
  );
  expect(screen.getByRole('alert').textContent).toContain('stopped working');
  expect(screen.getByText('the call')).toBeTruthy();
  expect(failed(host)).toEqual(['crashy']);
});

test('a view without a framework is mounted and cleaned up', () => {
  const host = hostOf('plain');
  const dispose = vi.fn();
  const mount = (element: HTMLElement) => {
    element.textContent = 'drawn';
    return dispose;
  };
  host.registry.add('panel', 'plain', { id: 'p', title: 'P', icon: 'info', mount });
  const { unmount } = render(<PluginView entry={host.registry.list('panel')[0]} host={host} />);
  expect(screen.getByText('drawn')).toBeTruthy();
  unmount();
  expect(dispose).toHaveBeenCalledOnce();
});

test('a click that fails later is told to the person', async () => {
  notices.set([]);
  const host = hostOf('poll');
  host.run('poll', async () => {
    throw new Error('You have voted already.');
  });
  await tick();
  expect(notices.value[0].text).toContain('You have voted already.');
});

test('leaving undoes the plugins and stops their requests', async () => {
  const host = hostOf('a');
  const dispose = vi.fn();
  await load(host, { a: { default: () => dispose } });
  const { signal } = host.apiOf('a');
  host.close();
  expect(dispose).toHaveBeenCalledOnce();
  expect(signal.aborted).toBe(true);
});

test('a refusal of a route is thrown with its words, status and code', async () => {
  const body = JSON.stringify({ detail: 'Only hosts.', code: 'forbidden' });
  vi.stubGlobal('fetch', vi.fn(async () => new Response(body, { status: 403 })));
  const { api } = hostOf('a').apiOf('a');
  await expect(api.post('/vote', { choice: 1 })).rejects.toMatchObject({ message: 'Only hosts.', status: 403, code: 'forbidden' });
  expect(fetch).toHaveBeenCalledWith('/api/rooms/room/a/vote', expect.objectContaining({ method: 'POST', body: '{"choice":1}' }));
});

test('plugins get their own translations', () => {
  const config = pageConfig({ plugins: [pluginEntry('poll', { strings: { 'Vote for {name}': 'Stimme für {name}' } })] });
  const host = new PluginHost(config, admission, new EventEmitter() as unknown as Room);
  expect(host.apiOf('poll').t('Vote for {name}', { name: 'A' })).toBe('Stimme für A');
});

test('what is read by who is put out is kept for the end of the call', async () => {
  const host = hostOf('order');
  const words = { title: 'Out', mayReturn: false };
  await load(host, { order: { default: (room: RoomApi) => room.farewell(words) } });
  expect(host.farewell).toEqual(words);
});

test('a plugin that is switched on during the call is loaded, and hears that the connection stands', async () => {
  const host = hostOf('a');
  await load(host, { a: { default: () => undefined } });
  Object.assign(host.room, { state: 'connected' });
  const connected = vi.fn();
  const setup = (room: RoomApi) => {
    room.addPanel(panel);
    room.on('connected', connected);
  };
  await host.follow([pluginEntry('a'), pluginEntry('new')], async () => ({ default: setup }), 30);
  await tick();
  expect(host.registry.list('panel').map(({ plugin }) => plugin)).toEqual(['new']);
  expect(connected).toHaveBeenCalledOnce();
});

test('a plugin that is switched off goes with its panel, its requests and its ears', async () => {
  const host = hostOf('a', 'b');
  const [dispose, heard] = [vi.fn(), vi.fn()];
  const setup = (room: RoomApi) => {
    room.addPanel(panel);
    room.openPanel('p');
    room.on('data:a', heard);
    return dispose;
  };
  await load(host, { a: { default: setup }, b: { default: () => undefined } });
  const { signal } = host.apiOf('a');
  await host.follow([pluginEntry('b')]);
  host.bus.emit('data:a', {});
  expect(dispose).toHaveBeenCalledOnce();
  expect(heard).not.toHaveBeenCalled();
  expect([signal.aborted, host.registry.openPanel, host.registry.list('panel')]).toEqual([true, null, []]);
});
