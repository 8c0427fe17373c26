import { expect, test, vi } from 'vitest';
import { panelKey, Registry } from './registry';

const panel = (id: string, order?: number) => ({ id, title: id, icon: 'info', order, mount() {} });

test('contributions are ordered and can be taken back', () => {
  const registry = new Registry();
  registry.add('panel', 'b', panel('late', 20));
  const dispose = registry.add('panel', 'a', panel('early', 10));
  expect(registry.list('panel').map((entry) => entry.id)).toEqual(['early', 'late']);
  dispose();
  expect(registry.list('panel').map((entry) => entry.id)).toEqual(['late']);
});

test('an open panel closes when its plugin takes it back', () => {
  const registry = new Registry();
  const dispose = registry.add('panel', 'a', panel('x'));
  registry.toggle(panelKey('a', 'x'));
  dispose();
  expect(registry.openPanel).toBeNull();
});

test('the same id twice is refused', () => {
  const registry = new Registry();
  registry.add('panel', 'a', panel('x'));
  expect(() => registry.add('panel', 'a', panel('x'))).toThrow('already added');
});

test('two plugins may use the same id', () => {
  const registry = new Registry();
  registry.add('panel', 'a', panel('x'));
  registry.add('panel', 'b', panel('x'));
  expect(registry.list('panel')).toHaveLength(2);
});

test('a key of the room cannot be taken', () => {
  const registry = new Registry();
  expect(() => registry.add('panel', 'a', { ...panel('x'), shortcut: 'M' })).toThrow('belongs to the room');
});

test('a callback that throws gives the fallback and is reported', () => {
  const registry = new Registry();
  registry.onError = vi.fn();
  const broken = () => {
    throw new Error('no');
  };
  expect(registry.safe('a', broken, 7)).toBe(7);
  expect(registry.onError).toHaveBeenCalledWith('a', expect.any(Error));
});

test('what cannot say whether it is visible is hidden', () => {
  const registry = new Registry();
  const visible = () => {
    throw new Error('no');
  };
  registry.add('panel', 'a', { ...panel('x'), visible });
  expect(registry.visible('panel')).toEqual([]);
});

test('watchers hear of every change', () => {
  const registry = new Registry();
  const watcher = vi.fn();
  const stop = registry.subscribe(watcher);
  registry.add('panel', 'a', panel('x'));
  registry.show(panelKey('a', 'x'));
  stop();
  registry.bump();
  expect(watcher).toHaveBeenCalledTimes(2);
});
