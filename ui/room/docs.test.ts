import { EventEmitter } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Room } from 'livekit-client';
import { expect, test } from 'vitest';
import { PluginHost } from './call/host';
import { roomUiDocs } from './docs';
import { admission, pageConfig, pluginEntry } from './testing/room';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(resolve(root, path), 'utf8');
const PAGE = 'docs/plugins/room-ui.md';
const made = () => roomUiDocs(read('ui/room/sdk.ts'), read('ui/room/testing/plugin.js'));

test('docs/plugins/room-ui.md says what sdk.ts says (npm run docs makes it anew)', () => {
  if (process.env.UPDATE_DOCS) {
    mkdirSync(resolve(root, 'docs/plugins'), { recursive: true });
    writeFileSync(resolve(root, PAGE), made());
  }
  expect(read(PAGE)).toBe(made());
});

test('every member that a plugin finds in its room is there, with its arguments', () => {
  const page = pageConfig({ plugins: [pluginEntry('x')] });
  const room = new PluginHost(page, admission, new EventEmitter() as unknown as Room).apiOf('x');
  const reference = made().split('### RoomApi')[1];
  const members = Object.keys(room);
  expect(members.length).toBeGreaterThan(25);
  for (const name of members) expect(reference, name).toMatch(new RegExp(`^  (readonly )?${name}[:(<]`, 'm'));
  for (const name of [...Object.keys(room.api), ...Object.keys(room.storage), ...Object.keys(room.ui)]) {
    expect(reference, name).toMatch(new RegExp(`\\b${name}\\b`));
  }
  const source = read('ui/room/sdk.ts');
  for (const [, name] of source.matchAll(/^export (?:interface|type) (\w+)/gm)) expect(made()).toContain(`### ${name}\n`);
});
