/** A recording as the server says it stands, and what a host has not saved yet. */
import type { PageApi } from '@audimax/page';
import { inOrder, type Chapter, type Passage } from './times';

export interface Standing {
  version: number;
  state: 'none' | 'ready' | 'cutting' | 'failed';
  url: string;
  mime: string;
  /** Of the uncut film, in seconds, as all times are. */
  length: number;
  keys: number[];
  cuts: Passage[];
  /** Left out: those of the topics. */
  chapters?: Chapter[];
  topics: Chapter[];
  undo_until?: number;
  keep_days: number;
}
type Problem = Error & { status?: number };

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
export const MOST = 100;

export class EditDesk {
  standing: Standing | null = null;
  /** What the host has chosen and not saved; null when there is nothing of that kind. */
  cuts: Passage[] | null = null;
  chapters: Chapter[] | null = null;
  /** Somebody else has changed what the host's choice was made from. */
  conflict = false;
  /** Why nothing can be shown, in words. */
  failure = '';
  /** Why it was not saved, in words. */
  problem = '';
  busy = false;
  private base: Standing | null = null;
  private version = 0;
  private readonly watchers = new Set<() => void>();
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;

  constructor(readonly page: PageApi) {
    page.signal.addEventListener('abort', () => this.close());
  }

  readonly subscribe = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  };
  readonly snapshot = () => this.version;

  get shownCuts(): Passage[] {
    return this.cuts ?? this.standing?.cuts ?? [];
  }

  get shownChapters(): Chapter[] {
    return this.chapters ?? this.standing?.chapters ?? this.standing?.topics ?? [];
  }

  get isDirty() {
    return this.cuts !== null || this.chapters !== null;
  }

  open() {
    addEventListener('beforeunload', this.warn, { signal: this.page.signal });
    void this.look();
    this.listen();
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  // --- what the server says -------------------------------------------------------------

  async look(): Promise<void> {
    try {
      this.take(await this.page.api.get<Standing>('/edit'));
      this.failure = '';
    } catch (error) {
      if (this.page.signal.aborted) return;
      if (!this.standing) this.failure = words(error);
    }
    this.changed();
  }

  private take(standing: Standing) {
    // An older answer may come after a newer one.
    if (this.standing && standing.version < this.standing.version) return;
    this.standing = standing;
    const { base } = this;
    this.conflict = this.isDirty && base !== null && choices(base) !== choices(standing);
    if (!this.conflict) this.base = standing;
    this.changed();
  }

  private listen() {
    const lecture = (this.page.plugin.config.lecture as { id: string } | undefined)?.id ?? '';
    const source = new EventSource(`/api/lectures/${lecture}/stream`);
    this.source = source;
    source.addEventListener('open', () => {
      // What happened while nobody listened is asked for.
      if (this.failures) void this.look();
      this.failures = 0;
    });
    source.addEventListener('changed', () => void this.look());
    source.addEventListener('error', () => {
      // It would come back by itself, but everybody after the same pause, and never after a 503.
      source.close();
      if (this.source !== source) return;
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.failures++, LONGEST_PAUSE_MS) * (0.5 + Math.random());
      this.timer = setTimeout(() => this.listen(), pause);
    });
  }

  // --- what the host chooses ------------------------------------------------------------

  choose(cuts: Passage[]) {
    this.cuts = cuts;
    this.problem = '';
    this.changed();
  }

  divide(chapters: Chapter[]) {
    this.chapters = chapters;
    this.problem = '';
    this.changed();
  }

  /** Give one's own choice up for what there is. */
  discard() {
    this.cuts = this.chapters = null;
    this.conflict = false;
    this.problem = '';
    this.base = this.standing;
    this.changed();
  }

  /** Go on with one's own, over what somebody else has chosen. */
  keepMine() {
    this.conflict = false;
    this.base = this.standing;
    this.changed();
  }

  saveCuts = (cuts = this.shownCuts) => this.put('/cuts', { cuts: inOrder(cuts) }, () => (this.cuts = null));
  /** Null: those of the topics. */
  saveChapters = (chapters: Chapter[] | null = this.shownChapters) => this.put('/chapters', { chapters }, () => (this.chapters = null));
  again = () => this.working(async () => this.take(await this.page.api.post<Standing>('/cuts/again', {})));

  private put(path: string, body: object, saved: () => void) {
    return this.working(async () => {
      const answer = await this.page.api.put<Standing>(path, { version: this.standing!.version, ...body });
      saved();
      this.base = answer;
      this.take(answer);
    });
  }

  // --- what they share ------------------------------------------------------------------

  private readonly warn = (event: BeforeUnloadEvent) => {
    if (this.isDirty) event.preventDefault();
  };

  private async working(work: () => Promise<void>): Promise<boolean> {
    this.busy = true;
    this.problem = '';
    this.changed();
    try {
      await work();
      return true;
    } catch (error) {
      if (this.page.signal.aborted) return false;
      this.problem = words(error);
      // Somebody else was faster, or it has moved on by itself.
      if ((error as Problem).status === 409) await this.look();
      return false;
    } finally {
      this.busy = false;
      this.changed();
    }
  }

  private changed() {
    this.version += 1;
    for (const watcher of [...this.watchers]) watcher();
  }
}

const choices = ({ cuts, chapters }: Standing) => JSON.stringify([cuts, chapters ?? null]);
const words = (error: unknown) => (error instanceof Error ? error.message : String(error));
