/** Whether this tab was in the call: then a reload goes straight back in. */
import { remember, remembered } from './storage';

const key = (roomId: string) => `audimax:inside:${roomId}`;
const storage = () => sessionStorage;

export const wasInside = (roomId: string): string => remembered(key(roomId), '', storage);
export const nowInside = (roomId: string, lectureId: string) => remember(key(roomId), lectureId, storage);
export const nowOutside = (roomId: string) => remember(key(roomId), undefined, storage);

const RELOAD_KEY = 'audimax:reloaded';
const RELOAD_AGAIN_MS = 60_000;

/** Once a minute at most: a file that stays away must not reload the page for ever. */
export function mayReload(now = Date.now()): boolean {
  if (now - remembered(RELOAD_KEY, 0, storage) < RELOAD_AGAIN_MS) return false;
  remember(RELOAD_KEY, now, storage);
  return true;
}
