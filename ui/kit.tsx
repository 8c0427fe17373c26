/** What the React parts of our plugins share. */
import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { RoomApi } from '@audimax/room';
import { backoff } from './room/backoff';
import { Store } from './room/store';
import type { PageApi } from './site/page';

export const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

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
      place.toast(wordsOf(error), { kind: 'error' });
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, run };
}

// --- on pages of their own --------------------------------------------------------------

/** A name from the sprite. */
export function PageIcon({ page, name }: { page: PageApi; name: string }) {
  return (
    <svg className="icon" aria-hidden="true">
      <use href={`${String(page.plugin.config.icons ?? '')}#${name}`} />
    </svg>
  );
}

/** A dialog that is open as long as it is drawn. */
export function Dialog({ labelledBy, onClose, children }: { labelledBy: string; onClose(): void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    if (shown && !shown.open) shown.showModal();
  }, []);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={labelledBy} onClose={onClose}>
      {children}
    </dialog>
  );
}

/**
 * Something of one lecture that hosts work on: it looks again when the server says that the lecture has changed, and
 * warns who leaves with something unsaved. Components watch it with `useSyncExternalStore(desk.subscribe, desk.snapshot)`.
 */
export abstract class LectureDesk {
  connected = true;
  busy = false;
  protected readonly lecture: string;
  private readonly drawn = new Store(0);
  readonly subscribe = this.drawn.subscribe;
  readonly snapshot = this.drawn.snapshot;
  private readonly pauses = backoff(1000, 30_000);
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;

  constructor(readonly page: PageApi) {
    this.lecture = (page.plugin.config.lecture as { id: string } | undefined)?.id ?? '';
    page.signal.addEventListener('abort', () => this.close());
  }

  /** Ask how it stands. */
  abstract look(first?: boolean): Promise<void>;
  /** Whether something would be lost. */
  abstract get isDirty(): boolean;
  /** What a host asked for did not work. */
  protected abstract failed(error: unknown): void | Promise<void>;

  open() {
    addEventListener('beforeunload', (event) => this.isDirty && event.preventDefault(), { signal: this.page.signal });
    void this.look(true);
    this.listen();
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  /** Draw again. */
  protected changed() {
    this.drawn.set(this.drawn.value + 1);
  }

  /** Whether it worked. */
  protected async working(work: () => Promise<boolean>): Promise<boolean> {
    this.busy = true;
    this.changed();
    try {
      return await work();
    } catch (error) {
      if (!this.page.signal.aborted) await this.failed(error);
      return false;
    } finally {
      this.busy = false;
      this.changed();
    }
  }

  private listen() {
    const source = new EventSource(`/api/lectures/${this.lecture}/stream`);
    this.source = source;
    source.addEventListener('open', () => {
      // What happened while nobody listened is asked for.
      if (this.failures) void this.look();
      this.failures = 0;
      this.pauses.reset();
      this.setConnected(true);
    });
    source.addEventListener('changed', () => void this.look());
    source.addEventListener('error', () => {
      // It would come back by itself, but everybody after the same pause, and never after a 503.
      source.close();
      if (this.source !== source) return;
      this.setConnected(++this.failures < 2);
      this.timer = setTimeout(() => this.listen(), this.pauses.next());
    });
  }

  private setConnected(connected: boolean) {
    if (this.connected === connected) return;
    this.connected = connected;
    this.changed();
  }
}
