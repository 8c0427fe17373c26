/**
 * A plugin's own page about a room. `plugins/<name>/ui/page.tsx` draws it with what it shares with its
 * part of the room; the template carries `plugin_page(room, name)` as `#page-config`.
 */
import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { fill, setLanguage } from '../room/i18n';
import { pluginRoutes } from '../room/routes';
import type { RoomApi } from '../room/sdk';
import { remember, remembered } from '../room/storage';
import { toast } from './toast';

/** The part of the RoomApi that works outside a call as well. */
export type PageApi = Pick<RoomApi, 'api' | 'plugin' | 'signal' | 'storage' | 'toast' | 'announce' | 't'>;

interface Config extends Record<string, unknown> {
  plugin: string;
  api: string;
  locale: string;
  strings: Record<string, string>;
}

function announce(words: string) {
  const place = document.getElementById('announced');
  // The same words twice are a change only if something differs.
  if (place) place.textContent = place.textContent === words ? `${words}\u00a0` : words;
}

function pageOf(config: Config): PageApi {
  const { plugin, api, strings } = config;
  const leaving = new AbortController();
  addEventListener('pagehide', (event) => event.persisted || leaving.abort());
  const key = (name: string) => `audimax:${plugin}:${name}`;
  return {
    api: pluginRoutes(api, leaving.signal),
    plugin: { id: plugin, name: plugin, config, api },
    signal: leaving.signal,
    storage: { get: (name, fallback) => remembered(key(name), fallback), set: (name, value) => remember(key(name), value) },
    toast: (message, options) => toast(message, options?.kind),
    announce,
    t: (text, vars) => fill(strings[text] || text, vars),
  };
}

/** Draws the page's part that lives. */
export function openPage(draw: (page: PageApi) => ReactNode) {
  const config = JSON.parse(document.getElementById('page-config')!.textContent!) as Config;
  setLanguage(config.locale, config.strings);
  createRoot(document.getElementById('plugin-page')!).render(draw(pageOf(config)));
}
