/** The screen of this device: full, awake, and not left by accident. */
import { useEffect, useSyncExternalStore } from 'react';

export const canBeFull = () => Boolean(document.fullscreenEnabled);

export async function toggleFullScreen(): Promise<void> {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen();
  } catch {
    // The browser says no; the page stays as it is.
  }
}

function onFullScreenChange(changed: () => void) {
  document.addEventListener('fullscreenchange', changed);
  return () => document.removeEventListener('fullscreenchange', changed);
}

export const useIsFull = () => useSyncExternalStore(onFullScreenChange, () => Boolean(document.fullscreenElement));

/** A phone that only watches must not fall asleep. */
export function useWakeLock() {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    let over = false;
    const hold = async () => {
      if (over || document.visibilityState !== 'visible' || !navigator.wakeLock) return;
      const fresh = await navigator.wakeLock.request('screen').catch(() => null);
      if (over) void fresh?.release();
      else lock = fresh;
    };
    void hold();
    document.addEventListener('visibilitychange', hold);
    return () => {
      over = true;
      document.removeEventListener('visibilitychange', hold);
      void lock?.release();
    };
  }, []);
}

/** The browser asks before the page is left; only hosts would leave a lecture without its host. */
export function useAskBeforeLeaving(ask: boolean) {
  useEffect(() => {
    if (!ask) return;
    const hold = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', hold);
    return () => removeEventListener('beforeunload', hold);
  }, [ask]);
}
