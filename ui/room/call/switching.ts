/** Plugins that a host switches on or off during the call come and go on the pages of all who are inside. */
import type { RoomRoutes } from '../api';
import type { Dispose } from '../sdk';
import type { PluginHost } from './host';

/** Five hundred pages don't ask within the same moment; a host sees at once what they did. */
const SPREAD_MS = 4000;

const same = (a: readonly string[], b: readonly string[]) => a.length === b.length && a.every((name, i) => name === b[i]);

export function followSwitches(host: PluginHost, routes: Pick<RoomRoutes, 'plugins'>): Dispose {
  let known = host.config.switched_on ?? [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const fetchThem = async () => {
    const entries = await routes.plugins();
    if (entries) await host.follow(entries);
  };
  const dispose = host.bus.on('data:room', (payload: { plugins?: string[] }) => {
    if (!Array.isArray(payload?.plugins) || same(payload.plugins, known)) return;
    known = payload.plugins;
    clearTimeout(timer);
    timer = setTimeout(() => void fetchThem(), host.me.isHost ? 0 : Math.random() * SPREAD_MS);
  });
  return () => {
    clearTimeout(timer);
    dispose();
  };
}
