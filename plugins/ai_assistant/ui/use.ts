import { useSyncExternalStore } from 'react';
import type { Captions } from './captions';

/** All lines; drawn again whenever one has changed. */
export function useLines(captions: Captions) {
  useSyncExternalStore(captions.subscribe, captions.snapshot);
  return captions.all();
}

