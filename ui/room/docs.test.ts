import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { roomUiDocs } from './docs';

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

test('every member of the room is there', () => {
  for (const name of ['addPanel', 'addControl', 'addOverlay', 'addTileBadge', 'addPeopleAction', 'toast', 'announce', 'storage']) {
    expect(made()).toContain(name);
  }
});
