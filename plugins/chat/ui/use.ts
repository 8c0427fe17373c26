import type { RoomApi } from '@audimax/room';
import { useEffect, useState, useSyncExternalStore } from 'react';
import type { Chat } from './chat';

/** Draws again whenever the chat has changed. */
export const useChat = (chat: Chat) => useSyncExternalStore(chat.subscribe, chat.snapshot);

/** Runs what a button does; a refusal is shown in its own words. Tells whether it worked. */
export function useAction(room: RoomApi) {
  const [busy, setBusy] = useState(false);
  const run = async (work: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    try {
      await work();
      return true;
    } catch (error) {
      room.toast(error instanceof Error ? error.message : String(error), { kind: 'error' });
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, run };
}

/** Seconds until a moment, counted down; 0 when it is past. */
export function useSecondsUntil(moment: number): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const look = () => {
      const seconds = Math.max(0, Math.ceil((moment - Date.now()) / 1000));
      setLeft(seconds);
      if (!seconds) clearInterval(timer);
    };
    const timer = setInterval(look, 500);
    const first = setTimeout(look);
    return () => {
      clearInterval(timer);
      clearTimeout(first);
    };
  }, [moment]);
  return left;
}
