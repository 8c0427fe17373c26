/** The shared files as the server says them, what is on its way there, and the calls that change it. */
import type { RoomApi, StoredFile, Upload } from '@audimax/room';

export interface Share {
  id: string;
  file: StoredFile;
  by: string;
  /** Seconds since 1970. */
  at: number;
  /** Whether this person may delete it, as uploader or host. */
  deletable: boolean;
  mine: boolean;
  /** Where it and its picture can be fetched, as soon as they may be. */
  url?: string;
  preview?: string;
}
export interface Listing {
  shares: Share[];
  may_share: boolean;
  everyone_shares: boolean;
  /** What a file may be called at its end, without the dot. */
  types: string[];
  largest_mb: number;
}
interface Seen {
  lecture: string;
  at: number;
}

export const MOST_AT_ONCE = 100;
const PANEL = 'files';
// All pages hear of a new file at the same moment.
const LOOK_MS = 150;
const SPREAD_MS = 4000;
const SPREAD_OPEN_MS = 1000;

export class Files {
  listing: Listing | null = null;
  failed = false;
  /** By a number that stays theirs. */
  readonly uploads = new Map<number, Upload>();
  private count = 0;
  private turn = 0;
  private seenAt: number;
  private later: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly room: RoomApi) {
    const seen = room.storage.get<Seen | null>('seen', null);
    this.seenAt = seen?.lecture === room.info.lectureId ? seen.at : 0;
  }

  get shares(): Share[] {
    return this.listing?.shares ?? [];
  }

  async fetch(): Promise<void> {
    const turn = ++this.turn;
    try {
      const listing = await this.room.api.get<Listing>('/shares');
      // A later question has the newer answer.
      if (turn === this.turn) this.take(listing);
    } catch {
      if (turn === this.turn) this.failed = true;
    }
    this.room.refresh();
  }

  /** Coalesced: however much happens meanwhile, it is asked once. */
  fetchSoon() {
    const spread = this.room.panelOpen(PANEL) ? SPREAD_OPEN_MS : SPREAD_MS;
    this.later ??= setTimeout(() => {
      this.later = undefined;
      void this.fetch();
    }, LOOK_MS + (this.room.me.isHost ? 0 : Math.random() * spread));
  }

  stop() {
    clearTimeout(this.later);
    this.later = undefined;
  }

  private take(listing: Listing) {
    const known = new Set(this.shares.map(({ id }) => id));
    const first = this.listing === null;
    this.listing = listing;
    this.failed = false;
    if (!first) this.tell(listing.shares.filter((share) => !known.has(share.id) && isNews(share)));
    if (this.room.panelOpen(PANEL)) this.see();
  }

  private tell(fresh: Share[]) {
    const { t, announce } = this.room;
    const [one, another] = fresh;
    if (another) announce(t('{count} new files.', { count: fresh.length }));
    else if (one) announce(t('{name} shares the file {file}.', { name: one.by, file: one.file.name }));
  }

  // --- what is new ---

  get unseen(): number {
    return this.shares.filter((share) => isNews(share) && share.at > this.seenAt).length;
  }

  /** Everything that is there now has been looked at. */
  see() {
    const newest = Math.max(this.seenAt, ...this.shares.map(({ at }) => at));
    if (newest === this.seenAt) return;
    this.seenAt = newest;
    this.room.storage.set('seen', { lecture: this.room.info.lectureId, at: newest } satisfies Seen);
    this.room.refresh();
  }

  // --- what people do ---

  send(files: readonly File[]) {
    const { t, toast, refresh } = this.room;
    if (!this.listing?.may_share) return;
    if (files.length > MOST_AT_ONCE) toast(t('These are too many at once: the first {count} are uploaded.', { count: MOST_AT_ONCE }), { kind: 'error' });
    for (const file of files.slice(0, MOST_AT_ONCE)) this.follow(this.room.upload(file, { begin: '/shares' }));
    refresh();
  }

  private follow(upload: Upload) {
    let { state } = upload;
    const key = ++this.count;
    this.uploads.set(key, upload);
    upload.onChange(() => {
      if (upload.state === state) return;
      ({ state } = upload);
      if (state === 'done') this.arrived(key, upload);
      // What was refused may stand in the list until it is taken back.
      if (state === 'failed') this.fetchSoon();
      this.room.refresh();
    });
  }

  private arrived(key: number, upload: Upload) {
    this.forget(key);
    this.room.announce(this.room.t('{file} is uploaded.', { file: upload.name }));
    void this.fetch();
  }

  /** Take one that is over off the list. */
  forget(key: number) {
    this.uploads.delete(key);
    this.room.refresh();
  }

  async remove(share: Share): Promise<void> {
    const { api, announce, t } = this.room;
    await api.delete(`/shares/${share.id}`);
    if (this.listing) this.listing = { ...this.listing, shares: this.shares.filter(({ id }) => id !== share.id) };
    announce(t('{file} is deleted.', { file: share.file.name }));
    await this.fetch();
  }

  async letEveryoneShare(everyone: boolean): Promise<void> {
    await this.room.api.put('/settings', { everyone });
    await this.fetch();
  }
}

const isNews = (share: Share) => !share.mine && share.file.state === 'ready';

/** What was dropped or pasted. A browser can't send folders: they are named apart. */
export function filesIn(transfer: DataTransfer): { files: File[]; folders: string[] } {
  const files: File[] = [];
  const folders: string[] = [];
  for (const item of [...transfer.items].filter(({ kind }) => kind === 'file')) {
    const entry = item.webkitGetAsEntry?.();
    const file = item.getAsFile();
    if (entry?.isDirectory) folders.push(entry.name);
    else if (file) files.push(file);
  }
  return { files, folders };
}
