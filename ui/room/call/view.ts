/** What this person looks at: which layout, whom they pinned, which dialog is open. */
import type { TrackReferenceOrPlaceholder } from '@livekit/components-react';
import { remember, remembered } from '../storage';
import { Store } from '../store';

export type Layout = 'grid' | 'speaker';
export type OpenDialog = 'shortcuts' | 'settings' | 'room' | 'leave' | null;

export interface ViewState {
  layout: Layout;
  /** The tile that was pinned, by its key. */
  pinned: string | null;
  /** A shared screen that was put back into the grid. */
  unfocused: string | null;
  dialog: OpenDialog;
  shortcuts: boolean;
}

export const PEOPLE = 'room:people';
const LAYOUT_KEY = 'audimax:layout';
const SHORTCUTS_KEY = 'audimax:shortcuts';

export const tileKey = (track: TrackReferenceOrPlaceholder) => `${track.participant.identity}/${track.source}`;

export class ViewStore extends Store<ViewState> {
  constructor() {
    super({
      layout: remembered<Layout>(LAYOUT_KEY, 'grid'),
      pinned: null,
      unfocused: null,
      dialog: null,
      shortcuts: remembered(SHORTCUTS_KEY, true),
    });
  }

  change(change: Partial<ViewState>) {
    this.set({ ...this.value, ...change });
  }

  toggleLayout() {
    const layout = this.value.layout === 'grid' ? 'speaker' : 'grid';
    remember(LAYOUT_KEY, layout);
    this.change({ layout, pinned: null });
  }

  /** Brings a tile to the front, or puts it back. */
  togglePin(key: string, inFront: boolean) {
    this.change(inFront ? { pinned: null, unfocused: key } : { pinned: key, unfocused: null });
  }

  useShortcuts(on: boolean) {
    remember(SHORTCUTS_KEY, on);
    this.change({ shortcuts: on });
  }
}
