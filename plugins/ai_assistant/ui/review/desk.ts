/** Summary and transcript of one lecture as the server says they are, and what a host has not saved yet. */
import { LectureDesk, wordsOf } from '@audimax/kit';
import { cleaned, isSame, type Summary } from './summary';

export interface Review {
  state: 'waiting' | 'transcribing' | 'summarizing' | 'done' | 'failed' | 'none';
  why: string;
  can_retry: boolean;
  is_draft: boolean;
  model: string;
  approved: boolean;
  hidden: boolean;
  readers: 'hosts' | 'approved' | 'everyone';
  edited: boolean;
  summary: Summary | null;
  /** What was made last, where a host's own version stands in front of it. */
  generated: Summary | null;
  version: number;
  models: string[];
  lines: number;
  usage: { seconds: number; tokens_in: number; tokens_out: number; cost: number };
}
export interface Line {
  id: string;
  /** What citations name; a gap has none. */
  number: number | null;
  identity: string;
  name: string;
  at: number;
  text: string;
  edited: boolean;
  gap: boolean;
}
export interface Corrected {
  lines: number;
  places?: number;
  samples: string[];
}
interface Kept {
  base: Summary | null;
  mine: Summary;
}
type Problem = Error & { status?: number };

const LINES_AT_ONCE = 500;

export class ReviewDesk extends LectureDesk {
  review: Review | null = null;
  /** What the host has written and not saved; null when there is nothing of that kind. */
  mine: Summary | null = null;
  /** Somebody else has changed what the host's text was made from. */
  conflict = false;
  /** Why nothing can be shown, in words. */
  failure = '';
  lines: Line[] = [];
  linesState: 'loading' | 'there' | 'failed' = 'loading';
  search = '';
  /** The number of the line that a citation led to. */
  shown: number | null = null;
  /** How often a citation led somewhere: to the same line twice is twice. */
  shownTimes = 0;
  private focus = '';
  private base: Summary | null = null;
  private readLines = -1;

  /** What is on the screen. */
  get summary(): Summary | null {
    return this.mine ?? this.review?.summary ?? null;
  }

  get isDirty() {
    return this.mine !== null;
  }

  // --- what the server says -------------------------------------------------------------

  /** Ask how it stands; the transcript too when that may have changed. */
  async look(first = false): Promise<void> {
    try {
      const review = await this.page.api.get<Review>('/review');
      this.failure = '';
      this.take(review);
      if (first) this.restore();
      if (review.version !== this.readLines) await this.readTranscript(review.version);
    } catch (error) {
      if (this.page.signal.aborted) return;
      if (!this.review) this.failure = wordsOf(error);
      this.changed();
    }
  }

  private take(review: Review) {
    // An older answer may come after a newer one.
    if (this.review && review.version < this.review.version) return;
    this.review = { ...review, summary: review.summary ?? null, generated: review.generated ?? null };
    this.compare();
    this.changed();
  }

  /** Nobody else's change is lost, and none is called one that isn't. */
  private compare() {
    if (!this.mine || !this.review) return;
    if (isSame(this.review.summary, cleaned(this.mine))) return this.forget();
    this.conflict = !isSame(this.review.summary, this.base);
  }

  private async readTranscript(version: number) {
    try {
      const lines: Line[] = [];
      let after: string | null = '';
      while (after !== null) {
        const address: string = `/transcript?limit=${LINES_AT_ONCE}&after=${encodeURIComponent(after)}`;
        // What is empty isn't in the server's answers.
        const part: { lines: Line[]; next?: string | null } = await this.page.api.get(address);
        lines.push(...part.lines.map((line) => ({ ...line, number: line.number ?? null })));
        after = part.next ?? null;
      }
      this.lines = lines;
      this.linesState = 'there';
      this.readLines = version;
    } catch {
      if (this.page.signal.aborted) return;
      if (this.linesState !== 'there') this.linesState = 'failed';
    }
    this.changed();
  }

  // --- what the host writes -------------------------------------------------------------

  change(summary: Summary, focus = '') {
    if (!this.mine) this.base = this.review?.summary ?? null;
    this.mine = summary;
    this.focus = focus;
    this.keep();
    this.changed();
  }

  /** Place of the entry that gets the focus now that it is drawn; once. */
  takeFocus(): string {
    const place = this.focus;
    this.focus = '';
    return place;
  }

  discard() {
    this.forget();
    this.changed();
  }

  /** Save over what somebody else has written. */
  keepMine() {
    this.base = this.review?.summary ?? null;
    this.conflict = false;
    this.keep();
    this.changed();
  }

  /** Whether it is saved now; a conflict is shown, anything else is said. */
  async save(): Promise<boolean> {
    if (!this.mine || this.conflict || this.busy) return false;
    return this.working(async () => {
      try {
        await this.put();
      } catch (error) {
        if ((error as Problem).status !== 409) throw error;
        // Perhaps only the state has moved on, and nobody has touched the text.
        await this.look();
        if (this.conflict) return false;
        if (this.mine) await this.put();
      }
      return true;
    });
  }

  private async put() {
    const written = this.mine!;
    const answer = await this.page.api.put<Review>('/review', { version: this.review!.version, summary: cleaned(written) });
    // What was typed while the answer was on its way isn't saved.
    if (this.mine === written) this.forget();
    else this.base = answer.summary;
    this.readLines = this.readLines === -1 ? -1 : answer.version;
    this.take(answer);
  }

  private get place() {
    return `audimax:ai_assistant:review:${this.lecture}`;
  }

  private keep() {
    try {
      sessionStorage.setItem(this.place, JSON.stringify({ base: this.base, mine: this.mine }));
    } catch {
      // Forbidden or full: leaving the page still warns.
    }
  }

  private forget() {
    this.mine = this.base = null;
    this.conflict = false;
    try {
      sessionStorage.removeItem(this.place);
    } catch {
      // As above.
    }
  }

  private restore() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.place) ?? 'null') as Kept | null;
      if (!kept?.mine?.overview) return;
      this.mine = kept.mine;
      this.base = kept.base;
    } catch {
      return;
    }
    this.compare();
    this.changed();
  }

  // --- what the host decides ------------------------------------------------------------

  approve = (on: boolean) => this.post('/review/approve', { on });
  hide = (on: boolean) => this.post('/review/hide', { on });
  again = (model: string) => this.post('/review/again', { model });
  retry = () => this.post('/review/retry');
  takeNew = async () => {
    this.forget();
    return this.post('/review/take_new');
  };

  private post(path: string, body: object = {}) {
    return this.working(async () => {
      const answer = await this.page.api.post<Review>(path, body);
      this.readLines = this.readLines === -1 ? -1 : answer.version;
      this.take(answer);
      return true;
    });
  }

  // --- the transcript -------------------------------------------------------------------

  find(text: string) {
    this.search = text;
    this.changed();
  }

  /** The lines that the search leaves. */
  found(): Line[] {
    const wanted = this.search.trim().toLocaleLowerCase();
    if (!wanted) return this.lines;
    return this.lines.filter((line) => `${line.name} ${line.text}`.toLocaleLowerCase().includes(wanted));
  }

  line(number: number): Line | undefined {
    return this.lines.find((line) => line.number === number);
  }

  show(number: number) {
    this.search = '';
    this.shown = number;
    this.shownTimes += 1;
    this.changed();
  }

  hideShown() {
    this.shown = null;
    this.changed();
  }

  correctLine(id: string, text: string) {
    return this.working(async () => {
      const line = await this.page.api.patch<Line>(`/transcript/${encodeURIComponent(id)}`, { text });
      this.lines = this.lines.map((old) => (old.id === id ? line : old));
      this.changed();
      return true;
    });
  }

  /** What would be changed, or what was. */
  async correct(from: string, to: string, everywhere: boolean, preview: boolean): Promise<Corrected> {
    const answer = await this.page.api.post<Corrected>('/correct', { from, to, everywhere, preview });
    if (!preview) {
      this.readLines = -1;
      await this.look();
    }
    return answer;
  }

  // --- what they share ------------------------------------------------------------------

  protected failed(error: unknown) {
    this.page.toast(wordsOf(error), { kind: 'error' });
  }
}
