/** What somebody chose for microphone, camera and loudspeaker; remembered by this browser. */
import { Store } from './store';

export interface Choices {
  microphone: boolean;
  camera: boolean;
  microphoneId?: string;
  cameraId?: string;
  speakerId?: string;
}

const KEY = 'audimax:devices';
const DEFAULTS: Choices = { microphone: true, camera: true };

export function remembered<T>(key: string, fallback: T, storage: () => Storage = () => localStorage): T {
  try {
    const found = storage().getItem(key);
    return found === null ? fallback : (JSON.parse(found) as T);
  } catch {
    return fallback;
  }
}

/** Storage may be forbidden or full: then nothing is remembered. */
export function remember(key: string, value: unknown, storage: () => Storage = () => localStorage) {
  try {
    if (value === undefined) storage().removeItem(key);
    else storage().setItem(key, JSON.stringify(value));
  } catch {
    // Nothing depends on it.
  }
}

export const choices = new Store<Choices>({ ...DEFAULTS, ...remembered<Partial<Choices>>(KEY, {}) });

export function choose(change: Partial<Choices>) {
  const next = { ...choices.value, ...change };
  choices.set(next);
  remember(KEY, next);
}
