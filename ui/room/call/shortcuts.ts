/** Single keys that work while nothing is being typed. */
import { useEffect } from 'react';
import { t } from '../i18n';
import { useStore } from '../store';
import type { CallParts } from './context';
import { toggleFullScreen } from './screen';
import { PEOPLE } from './view';

export interface Shortcut {
  key: string;
  words: string;
  run(): void;
}

export function roomShortcuts(call: CallParts): Shortcut[] {
  const { devices, view, host } = call;
  return [
    { key: 'm', words: t('Microphone on or off'), run: () => void devices.toggle('microphone') },
    { key: 'v', words: t('Camera on or off'), run: () => void devices.toggle('camera') },
    { key: 's', words: t('Share your screen, or stop'), run: () => void devices.toggleScreen() },
    { key: 'p', words: t('List of people'), run: () => host.registry.toggle(PEOPLE) },
    { key: 'l', words: t('Change the layout'), run: () => view.toggleLayout() },
    { key: 'f', words: t('Full screen'), run: () => void toggleFullScreen() },
    { key: '?', words: t('These shortcuts'), run: () => view.change({ dialog: 'shortcuts' }) },
  ];
}

const textOf = (value: string | (() => string)) => (typeof value === 'string' ? value : value());

export function pluginShortcuts({ host }: CallParts): Shortcut[] {
  const { registry } = host;
  const controls = registry.visible('control').map((control) => ({
    key: control.shortcut,
    words: registry.safe(control.plugin, () => textOf(control.label), control.id),
    run: () => {
      if (!registry.safe(control.plugin, control.disabled, false)) host.run(control.plugin, () => control.onClick());
    },
  }));
  const panels = registry.visible('panel').map((panel) => ({
    key: panel.shortcut,
    words: panel.title,
    run: () => registry.toggle(panel.key),
  }));
  return [...controls, ...panels].filter((shortcut): shortcut is Shortcut => Boolean(shortcut.key));
}

const TYPING = 'input, textarea, select, [contenteditable]';

/** Whether the key belongs to something else: a field, a dialog, the browser. */
export function isTaken(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return true;
  if (document.querySelector('dialog[open]')) return true;
  return event.target instanceof Element && Boolean(event.target.closest(TYPING));
}

export function useShortcuts(call: CallParts) {
  const { shortcuts: on } = useStore(call.view);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      // The sheet can always be opened: it is where they are switched on.
      if (isTaken(event) || (!on && event.key !== '?')) return;
      const key = event.key.toLowerCase();
      const found = [...roomShortcuts(call), ...pluginShortcuts(call)].find((shortcut) => shortcut.key.toLowerCase() === key);
      if (!found) return;
      event.preventDefault();
      found.run();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [call, on]);
}
