/** What the React parts of our plugins share. */
import { useState } from 'react';
import type { RoomApi } from '@audimax/room';

/** Runs what a button does and says `done` when it worked; a refusal is shown in its own words. Tells which it was. */
export function useAction(place: Pick<RoomApi, 'toast' | 'announce'>) {
  const [busy, setBusy] = useState(false);
  const run = async (work: () => Promise<unknown>, done = ''): Promise<boolean> => {
    setBusy(true);
    try {
      await work();
      if (done) place.announce(done);
      return true;
    } catch (error) {
      place.toast(error instanceof Error ? error.message : String(error), { kind: 'error' });
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, run };
}
