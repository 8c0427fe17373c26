/** What somebody chose for microphone, camera and loudspeaker; remembered by this browser. */
import type { PageConfig } from './config';
import { wasInside } from './presence';
import { remember, remembered } from './storage';
import { Store } from './store';

export interface Choices {
  microphone: boolean;
  camera: boolean;
  microphoneId?: string;
  cameraId?: string;
  speakerId?: string;
  /** Music and demonstrations: the browser leaves the sound as it is. */
  originalSound?: boolean;
}

const KEY = 'audimax:devices';
const DEFAULTS: Choices = { microphone: true, camera: true };

export const choices = new Store<Choices>({ ...DEFAULTS, ...remembered<Partial<Choices>>(KEY, {}) });

export function choose(change: Partial<Choices>) {
  const next = { ...choices.value, ...change };
  choices.set(next);
  remember(KEY, next);
}

/** How the microphone is opened. Echoes are taken out in any case: one loudspeaker spoils the sound of all. */
export function microphoneOptions() {
  const { microphoneId, originalSound = false } = choices.value;
  return { deviceId: microphoneId, echoCancellation: true, noiseSuppression: !originalSound, autoGainControl: !originalSound };
}

/**
 * What is on when somebody comes: for guests the room's habit, for hosts what they had last, and
 * after a reload what was on before it.
 */
export function beginWithHabit({ room, me, settings }: PageConfig) {
  if (me.role === 'host' || wasInside(room.id)) return;
  const { microphone_on_entry: microphone = true, camera_on_entry: camera = true } = settings;
  choices.set({ ...choices.value, microphone: microphone === true, camera: camera === true });
}
