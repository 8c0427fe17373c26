import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const read = (name: string) => JSON.parse(readFileSync(resolve(root, name), 'utf8'));
const { dependencies, devDependencies } = read('package.json') as Record<string, Record<string, string>>;
const lock = read('package-lock.json').packages as Record<string, { version: string; resolved?: string }>;

test('every version is pinned exactly', () => {
  const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
  expect(loose).toEqual([]);
});

// The 3.0.0 that npm calls the latest is the source of 2.0.5.
test('@livekit/components-react 3 is never installed', () => {
  const installed = Object.entries(lock).filter(([path]) => path.endsWith('node_modules/@livekit/components-react'));
  expect(installed.map(([, { version }]) => version)).toEqual(['2.9.24']);
});

test('there is one livekit-client and one React', () => {
  for (const name of ['livekit-client', 'react', 'react-dom']) {
    expect(Object.keys(lock).filter((path) => path.endsWith(`node_modules/${name}`))).toHaveLength(1);
  }
});

test('the lock file names no registry', () => {
  expect(Object.values(lock).filter(({ resolved }) => resolved)).toEqual([]);
});
