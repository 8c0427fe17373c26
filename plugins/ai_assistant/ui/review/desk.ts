/** Summary and transcript of one lecture as the server says they are, and what a host has not saved yet. */
import type { PageApi } from '@audimax/page';
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
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

export class ReviewDesk {
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
  connected = true;
  busy = false;
  /** How often a citation led somewhere: to the same line twice is twice. */
  shownTimes = 0;
  private focus = '';
  private base: Summary | null = null;
  private readLines = -1;
  private version = 0;
  private readonly watchers = new Set<() => void>();
  private readonly lecture: string;
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;

  constructor(readonly page: PageApi) {
    this.lecture = (page.plugin.config.lecture as { id: string } | undefined)?.id ?? '';
    page.signal.addEventListener('abort', () => this.close());
  }

  readonly subscribe = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  };
  readonly snapshot = () => this.version;

  /** What is on the screen. */
  get summary(): Summary | null {
    return this.mine ?? this.review?.summary ?? null;
  }

  open() {
    addEventListener('beforeunload', this.warn, { signal: this.page.signal });
    void this.look(true);
    this.listen();
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
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
      if (!this.review) this.failure = words(error);
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

  private listen() {
    const source = new EventSource(`/api/lectures/${this.lecture}/stream`);
    this.source = source;
    source.addEventListener('open', () => {
      // What happened while nobody listened is asked for.
      if (this.failures) void this.look();
      this.failures = 0;
      this.setConnected(true);
    });
    source.addEventListener('changed', () => void this.look());
    source.addEventListener('error', () => {
      // It would come back by itself, but everybody after the same pause, and never after a 503.
      source.close();
      if (this.source !== source) return;
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.failures++, LONGEST_PAUSE_MS) * (0.5 + Math.random());
      this.setConnected(this.failures < 2);
      this.timer = setTimeout(() => this.listen(), pause);
    });
  }

  private setConnected(connected: boolean) {
    if (this.connected === connected) return;
    this.connected = connected;
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

  private readonly warn = (event: BeforeUnloadEvent) => {
    if (this.mine) event.preventDefault();
  };

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

  private async working(work: () => Promise<boolean>): Promise<boolean> {
    this.busy = true;
    this.changed();
    try {
      return await work();
    } catch (error) {
      if (!this.page.signal.aborted) this.page.toast(words(error), { kind: 'error' });
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

const words = (error: unknown) => (error instanceof Error ? error.message : String(error));
