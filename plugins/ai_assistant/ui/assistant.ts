/** How the assistant stands as the server says it, what this person wishes, and the calls that change it. */
import type { RoomApi } from '@audimax/room';
import { Captions, isSegment, type KeptLine } from './captions';

export type Status = 'off' | 'starting' | 'on' | 'paused';
export interface Standing {
  at: number;
  captions: boolean;
  keep: boolean;
  status: Status;
  why: string;
  consent: string;
  asks: boolean;
  heard: boolean;
  started_at: number;
}
interface Page {
  lines: KeptLine[];
  next?: string | null;
}

export const SIZES = ['s', 'm', 'l', 'xl'] as const;
export type Size = (typeof SIZES)[number];
/** What one person has chosen for their own page; kept by the browser. */
export interface Taste {
  shown: boolean;
  size: Size;
  place: 'below' | 'above';
  contrast: boolean;
}
const TASTE: Taste = { shown: true, size: 'm', place: 'below', contrast: false };
const UNKNOWN: Standing = {
  at: 0, captions: false, keep: false, status: 'off', why: '', consent: '', asks: false, heard: true, started_at: 0,
};
const SPREAD_MS = 2000;
const PRUNE_MS = 1000;

export class Assistant {
  readonly captions = new Captions();
  standing: Standing = UNKNOWN;
  taste: Taste;
  known = false;
  failed = false;
  /** Where the lines before the first one begin; null when there are none, undefined before anybody asked. */
  private older: string | null | undefined;
  loading = false;
  loadFailed = false;
  private later: ReturnType<typeof setTimeout> | undefined;
  private pruning: ReturnType<typeof setInterval> | undefined;

  constructor(readonly room: RoomApi) {
    this.taste = { ...TASTE, ...room.storage.get<Partial<Taste>>('taste', {}) };
  }

  // --- what the server says ---

  async fetch(): Promise<void> {
    this.stopLooking();
    try {
      this.take(await this.room.api.get<Standing>('/state'));
      this.failed = false;
    } catch {
      this.failed = true;
    }
    this.room.refresh();
  }

  /** Hundreds of pages hear the same packet: they ask spread over two seconds, and once. */
  fetchSoon() {
    this.later ??= setTimeout(() => void this.fetch(), this.room.me.isHost ? 0 : Math.random() * SPREAD_MS);
  }

  /** A page that was cut off asks for the lines that it has missed. */
  async connected(): Promise<void> {
    await this.fetch();
    if (this.older !== undefined && this.standing.keep) await this.load();
  }

  hear(payload: unknown) {
    const news = payload as Partial<Omit<Standing, 'heard'>> & { heard?: Record<string, boolean> };
    for (const [identity, heard] of Object.entries(news.heard ?? {})) if (!heard) this.captions.silence(identity);
    if (news.at === undefined || news.at < this.standing.at) return;
    const { at, captions, keep, status } = { ...this.standing, ...news };
    const why = status === this.standing.status ? this.standing.why : '';
    this.take({ ...this.standing, at, captions, keep, status, why });
    this.room.refresh();
    // Why, and in which words, only the server knows.
    this.fetchSoon();
  }

  hearSegment(payload: unknown) {
    if (!isSegment(payload) || !this.standing.captions) return;
    this.captions.hear(payload);
    this.pruning ??= setInterval(() => this.captions.prune() || this.stopPruning(), PRUNE_MS);
  }

  leave() {
    this.stopLooking();
    this.stopPruning();
  }

  // --- lines of before ---

  get hasOlder(): boolean {
    return this.standing.keep && this.older !== null;
  }

  /** The last lines first, then those before them. */
  async load(older = false): Promise<void> {
    if (this.loading || (older && !this.older)) return;
    this.loading = true;
    this.loadFailed = false;
    this.room.refresh();
    try {
      const page = await this.page({ before: older ? this.older! : '' });
      this.captions.keep(page.lines);
      if (older || this.older === undefined) this.older = page.next ?? null;
    } catch {
      this.loadFailed = true;
    }
    this.loading = false;
    this.room.refresh();
  }

  async search(text: string): Promise<readonly KeptLine[]> {
    return (await this.page({ q: text, limit: '200' })).lines;
  }

  // --- what people do ---

  async set(what: 'captions' | 'keep', on: boolean): Promise<void> {
    this.take(await this.room.api.post<Standing>(`/${what}`, { on }));
    this.room.refresh();
  }

  async wish(heard: boolean): Promise<void> {
    this.take(await this.room.api.post<Standing>('/me', { heard }));
    const { t } = this.room;
    this.room.toast(heard ? t('What you say is written along from now on.') : t('Nothing that you say is written along any more.'));
    this.room.refresh();
  }

  prefer(change: Partial<Taste>) {
    this.taste = { ...this.taste, ...change };
    this.room.storage.set('taste', this.taste);
    this.room.refresh();
  }

  // --- what is asked of it ---

  get isShown(): boolean {
    return this.taste.shown && this.standing.captions && this.standing.status !== 'off';
  }

  /** The words of the lasting sign. */
  sign(): string | null {
    const { captions, keep, status } = this.standing;
    const { t } = this.room;
    if (status === 'off' || !(captions || keep)) return null;
    if (!captions) return t('The transcript is kept');
    return keep ? t('Live captions, and the transcript is kept') : t('Live captions');
  }

  statusWords(): string {
    const { status, why } = this.standing;
    const { t } = this.room;
    if (this.failed) return t('How captions stand isn’t known at the moment.');
    if (status === 'starting') return t('Captions are starting …');
    if (status === 'paused') return why || t('Captions are paused for the moment.');
    if (status === 'off') return why || t('Nothing is written along.');
    return '';
  }

  // --- what has changed ---

  private take(next: Standing) {
    if (next.at < this.standing.at) return;
    const before = this.standing;
    this.standing = next;
    if (!next.captions || next.status === 'off') this.captions.clearGuesses();
    if (this.known) this.tell(before, next);
    this.known = true;
  }

  private tell(before: Standing, next: Standing) {
    const { t, toast, announce } = this.room;
    const say = (words: string) => (toast(words), announce(words));
    if (!before.keep && next.keep) say(t('From now on the transcript is kept.'));
    if (before.keep && !next.keep) say(t('The transcript isn’t kept any more.'));
    if (!before.captions && next.captions) say(t('Live captions are on.'));
    if (before.captions && !next.captions) say(t('Live captions are off.'));
    if (this.room.me.isHost && next.status === 'paused' && next.why && next.why !== before.why) toast(next.why);
  }

  private page(query: Record<string, string>): Promise<Page> {
    const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
    return this.room.api.get<Page>(`/lines?${asked}`);
  }

  private stopLooking() {
    clearTimeout(this.later);
    this.later = undefined;
  }

  private stopPruning() {
    clearInterval(this.pruning);
    this.pruning = undefined;
  }
}
