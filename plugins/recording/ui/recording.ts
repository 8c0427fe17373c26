/** How the recording stands as the server says it, what is asked of this person, and the calls that change it. */
import type { ApiError, RoomApi } from '@audimax/room';
import { sound, type Sound } from './notice';
import { newsForLatecomers, newsOf, signOf, type News } from './words';

export type Status = 'off' | 'starting' | 'queued' | 'recording' | 'paused' | 'stopping' | 'failed';
export interface Mine {
  recorded: boolean;
  camera: boolean;
}
export interface Standing {
  at: number;
  status: Status;
  begins_at: number | null;
  seconds: number;
  now: number;
  notice: string;
  may: boolean;
  why: string;
  sound: Sound;
  ready: boolean;
  me: Mine;
  camera_allowed: boolean;
  is_host: boolean;
}
interface Packet {
  at: number;
  status: Status;
}
/** What a host is asked before something happens. */
export type Question = 'start' | 'queue' | 'stop';
/** What hosts may tell a recording that isn't off. */
export type Order = 'pause' | 'resume' | 'stop';

const UNKNOWN: Standing = {
  at: 0, status: 'off', begins_at: null, seconds: 0, now: 0, notice: '', may: false, why: '', sound: 'none', ready: false,
  me: { recorded: true, camera: false }, camera_allowed: false, is_host: false,
};
const ANSWERED_BY: Record<Question, readonly Status[]> = {
  start: ['off', 'failed'],
  queue: ['off', 'failed'],
  stop: ['recording', 'paused'],
};
const PACKET_SPREAD_MS = 400;
const SETTINGS_SPREAD_MS = 2000;
const RETRY_MS = 5000;

const isBusy = (error: unknown) => (error as Partial<ApiError>).code === 'recorder_busy';

export class Recording {
  standing: Standing = UNKNOWN;
  known = false;
  failed = false;
  question: Question | null = null;
  /** How the server said that no recorder is free. */
  busyWords = '';
  private takenAt = 0;
  private heard: Packet | null = null;
  /** How often this page has changed something: an answer from before a change is out of date. */
  private changes = 0;
  private gone = false;
  private later: ReturnType<typeof setTimeout> | undefined;
  private due = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private minute: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly room: RoomApi) {}

  // --- what the server says ---

  async fetch(): Promise<void> {
    this.stopLooking();
    const { changes } = this;
    try {
      const answer = await this.room.api.get<Standing>('/state');
      if (changes !== this.changes) return await this.fetch();
      this.failed = false;
      this.take(answer);
    } catch {
      this.couldNotLook();
    }
    this.room.refresh();
  }

  /** Packets come in bursts and to hundreds at once: each page asks once, a moment later. */
  hear(payload: unknown) {
    const packet = payload as Partial<Packet>;
    if (typeof packet.at !== 'number' || packet.at <= Math.max(this.standing.at, this.heard?.at ?? 0)) return;
    this.heard = packet as Packet;
    this.lookSoon(PACKET_SPREAD_MS);
  }

  settingsChanged() {
    this.lookSoon(SETTINGS_SPREAD_MS);
  }

  leave() {
    this.gone = true;
    this.stopLooking();
    clearTimeout(this.minute);
  }

  // --- what people do ---

  /** With no recorder free the host is asked whether to wait for one. */
  async start(queue = false): Promise<void> {
    try {
      await this.change('/start', { queue });
    } catch (error) {
      if (queue || !isBusy(error)) throw error;
      this.busyWords = (error as Error).message;
      this.ask('queue');
    }
  }

  async order(what: Order): Promise<void> {
    await this.change(`/${what}`, {});
  }

  async choose(mine: Partial<Mine>): Promise<void> {
    await this.change('/me', mine);
  }

  ask(question: Question | null) {
    this.question = question;
    this.room.refresh();
  }

  // --- what is asked of it ---

  get seconds(): number {
    const { status, seconds } = this.standing;
    return status === 'recording' ? seconds + this.sinceTaken : seconds;
  }

  /** Seconds until it begins; null when that isn't known. */
  get beginsIn(): number | null {
    const { begins_at, now } = this.standing;
    return begins_at === null ? null : Math.max(0, Math.ceil(begins_at - now - this.sinceTaken));
  }

  get sign(): string | null {
    return signOf(this.room.t, this.standing, this.seconds);
  }

  // --- what has changed ---

  /** By the page's own clock: whether that is right is of no matter. */
  private get sinceTaken(): number {
    return (performance.now() - this.takenAt) / 1000;
  }

  private async change(path: string, body: object): Promise<void> {
    try {
      const answer = await this.room.api.post<Standing>(path, body);
      this.changes += 1;
      if (!this.take(answer)) await this.fetch();
    } catch (error) {
      // Refused because it stands otherwise than this page believes, perhaps.
      this.lookSoon(PACKET_SPREAD_MS);
      throw error;
    } finally {
      this.room.refresh();
    }
  }

  /** Says whether it was news. */
  private take(next: Standing): boolean {
    if (next.at < this.standing.at) return false;
    const before = this.standing;
    this.standing = next;
    this.takenAt = performance.now();
    if (this.question && !ANSWERED_BY[this.question].includes(next.status)) this.question = null;
    this.tell(this.known ? newsOf(this.room.t, before, next) : newsForLatecomers(this.room.t, next));
    this.known = true;
    this.countMinutes();
    return true;
  }

  private tell(news: News | null) {
    if (!news) return;
    const { toast, info } = this.room;
    toast(news.words, { kind: news.isError ? 'error' : 'info' });
    if (news.aloud) sound(this.standing.sound, news.aloud, info.locale);
  }

  /** The sign must not be wrong for want of an answer: what the packet said holds until there is one. */
  private couldNotLook() {
    this.failed = true;
    const { heard } = this;
    if (heard && heard.at > this.standing.at) {
      const { at, status } = heard;
      this.take({ ...this.standing, at, status, seconds: this.seconds, begins_at: null, notice: '', why: '' });
    }
    clearTimeout(this.retry);
    if (!this.gone) this.retry = setTimeout(() => void this.fetch(), RETRY_MS * (1 + Math.random()));
  }

  private countMinutes() {
    clearTimeout(this.minute);
    if (this.gone || this.standing.status !== 'recording') return;
    const passed = () => {
      this.room.refresh();
      this.countMinutes();
    };
    this.minute = setTimeout(passed, (60 - (this.seconds % 60)) * 1000);
  }

  /** One question for all that ask for it, at the earliest of their times. */
  private lookSoon(spread: number) {
    const wait = Math.random() * spread;
    const due = performance.now() + wait;
    if (this.gone || (this.later && this.due <= due)) return;
    clearTimeout(this.later);
    this.due = due;
    this.later = setTimeout(() => void this.fetch(), wait);
  }

  private stopLooking() {
    clearTimeout(this.later);
    clearTimeout(this.retry);
    this.later = this.retry = undefined;
  }
}
