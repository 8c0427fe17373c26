import type { RoomApi } from '@audimax/room';
import { useState, useSyncExternalStore } from 'react';
import type { Captions } from './captions';

/** All lines; drawn again whenever one has changed. */
export function useLines(captions: Captions) {
  useSyncExternalStore(captions.subscribe, captions.snapshot);
  return captions.all();
}

/** Runs what a button does; a refusal is shown in its own words. */
export function useAction(room: RoomApi) {
  const [busy, setBusy] = useState(false);
  const run = async (work: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await work();
    } catch (error) {
      room.toast(error instanceof Error ? error.message : String(error), { kind: 'error' });
    } finally {
      setBusy(false);
    }
  };
  return { busy, run };
}
