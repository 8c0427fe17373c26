import { useEffect, useState, useSyncExternalStore } from 'react';
import type { Chat } from './chat';

/** Draws again whenever the chat has changed. */
export const useChat = (chat: Chat) => useSyncExternalStore(chat.subscribe, chat.snapshot);

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
