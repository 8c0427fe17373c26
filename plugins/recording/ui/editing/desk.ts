/** A recording as the server says it stands, and what a host has not saved yet. */
import { LectureDesk, wordsOf } from '@audimax/kit';
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

export const MOST = 100;

export class EditDesk extends LectureDesk {
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
  private base: Standing | null = null;

  get shownCuts(): Passage[] {
    return this.cuts ?? this.standing?.cuts ?? [];
  }

  get shownChapters(): Chapter[] {
    return this.chapters ?? this.standing?.chapters ?? this.standing?.topics ?? [];
  }

  get isDirty() {
    return this.cuts !== null || this.chapters !== null;
  }

  // --- what the server says -------------------------------------------------------------

  async look(): Promise<void> {
    try {
      this.take(await this.page.api.get<Standing>('/edit'));
      this.failure = '';
    } catch (error) {
      if (this.page.signal.aborted) return;
      if (!this.standing) this.failure = wordsOf(error);
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
  again = () => this.asking(async () => this.take(await this.page.api.post<Standing>('/cuts/again', {})));

  private put(path: string, body: object, saved: () => void) {
    return this.asking(async () => {
      const answer = await this.page.api.put<Standing>(path, { version: this.standing!.version, ...body });
      saved();
      this.base = answer;
      this.take(answer);
    });
  }

  private asking(work: () => Promise<void>) {
    this.problem = '';
    return this.working(async () => {
      await work();
      return true;
    });
  }

  protected async failed(error: unknown) {
    this.problem = wordsOf(error);
    // Somebody else was faster, or it has moved on by itself.
    if ((error as Problem).status === 409) await this.look();
  }
}

const choices = ({ cuts, chapters }: Standing) => JSON.stringify([cuts, chapters ?? null]);
