import type { RoomApi } from '@audimax/room';
import { useState } from 'react';

/** Runs an action of a button; a refusal is shown in its own words. */
export function useAction(room: RoomApi) {
  const [busy, setBusy] = useState(false);
  const run = async (work: () => Promise<void>) => {
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
