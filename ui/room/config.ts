/** What the server put into the page. */

export interface PluginEntry {
  id: string;
  name: string;
  /** Address of the ES module. */
  module: string;
  css?: string[];
  /** Where the plugin's routes of this room begin. */
  api: string;
  apiVersion: number;
  config?: Record<string, unknown>;
  /** What people should read before they join. */
  notice?: string;
  strings?: Record<string, string>;
}

export type Role = 'stranger' | 'waiting' | 'participant' | 'host' | 'admin';

export interface PageConfig {
  /** `shut`: why nobody but hosts gets in, for hosts only. */
  room: { id: string; title: string; code: string; link: string; live: boolean; shut?: string };
  me: { signed_in: boolean; name: string; role: Role; known: boolean };
  api: { base: string };
  urls: { home: string; lecture_base: string };
  livekit_url: string;
  locale: string;
  messages: Record<string, string | string[]>;
  icons: string;
  plugins: PluginEntry[];
  /** Names of all plugins that are on in the room, also of those without a part here. */
  switched_on?: string[];
  settings: { microphone_on_entry?: boolean; camera_on_entry?: boolean };
  /** Number of pretended people; only in mode "test". */
  sim?: number;
}

export function readConfig(): PageConfig {
  const element = document.getElementById('room-config');
  if (!element?.textContent) throw new Error('The page carries no room-config.');
  return JSON.parse(element.textContent) as PageConfig;
}
