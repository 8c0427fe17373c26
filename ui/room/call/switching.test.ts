import { EventEmitter } from 'node:events';
import type { Room } from 'livekit-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { admission, pageConfig, pluginEntry } from '../testing/room';
import { PluginHost } from './host';
import { followSwitches } from './switching';

function makeHost(role: 'guest' | 'host' = 'guest') {
  const config = pageConfig({ switched_on: ['chat', 'door'] });
  const host = new PluginHost(config, { ...admission, role }, new EventEmitter() as unknown as Room);
  const follow = vi.spyOn(host, 'follow').mockResolvedValue();
  const routes = { plugins: vi.fn(async () => [pluginEntry('chat')]) };
  return { host, follow, routes, stop: followSwitches(host, routes) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('what was switched is fetched, by guests spread over some seconds', async () => {
  const { host, follow, routes } = makeHost();
  host.bus.emit('data:room', { plugins: ['chat'] });
  await vi.advanceTimersByTimeAsync(4000);
  expect(routes.plugins).toHaveBeenCalledOnce();
  expect(follow).toHaveBeenCalledWith([expect.objectContaining({ id: 'chat' })]);
});

test('a host sees it at once', async () => {
  const { host, routes } = makeHost('host');
  host.bus.emit('data:room', { plugins: ['chat'] });
  await vi.advanceTimersByTimeAsync(1);
  expect(routes.plugins).toHaveBeenCalledOnce();
});

test('other settings, nonsense and news after leaving fetch nothing', async () => {
  const { host, routes, stop } = makeHost();
  host.bus.emit('data:room', { plugins: ['chat', 'door'] });
  host.bus.emit('data:room', 'nonsense');
  stop();
  host.bus.emit('data:room', { plugins: [] });
  await vi.advanceTimersByTimeAsync(9000);
  expect(routes.plugins).not.toHaveBeenCalled();
});
