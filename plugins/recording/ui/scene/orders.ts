/** What our server wants of the page, asked every few seconds and whenever something has changed. */
import type { Places } from './choosing';

export const ASK_EVERY_MS = 2500;
const LOST = new Set([401, 403, 404, 410]);

/** Times in unix seconds. */
interface Answer {
  now: number;
  leave: boolean;
  begin: boolean;
  begins_at: number;
  policy: string;
  places?: Places;
}

/** What the page says of itself. `unheard`: when somebody may have spoken who isn't recorded, in unix seconds. */
export interface Report {
  state: 'starting' | 'recording';
  seconds: number;
  unheard: [number, number][];
}

export interface Orders {
  leave: boolean;
  /** When to give the sign; null while it isn't to be given. On this machine's clock. */
  beginsAt: number | null;
  places: Places;
}

export class Desk {
  places: Places = {};
  /** Milliseconds by which the server's clock is ahead of ours. */
  ahead = 0;
  private policy = '';
  private busy = false;
  private again = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private over = false;

  constructor(
    private readonly address: string,
    private readonly run: string,
    private readonly token: string,
    private readonly say: () => Report,
    private readonly obey: (orders: Orders) => void,
  ) {}

  /** Milliseconds since 1970, as the server has them. */
  now(): number {
    return Date.now() + this.ahead;
  }

  /** Ask now; once more if something changes while the answer is on its way. */
  async ask(): Promise<void> {
    if (this.over) return;
    clearTimeout(this.timer);
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    this.again = false;
    try {
      await this.fetch();
    } catch {
      // The server is away: what was last allowed stays, as with our own recorder.
    }
    this.busy = false;
    this.later(this.again ? 0 : ASK_EVERY_MS);
  }

  close(): void {
    this.over = true;
    clearTimeout(this.timer);
  }

  private later(ms: number): void {
    if (!this.over) this.timer = setTimeout(() => void this.ask(), ms);
  }

  private async fetch(): Promise<void> {
    const sent = Date.now();
    const answer = await fetch(this.address, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${this.token}` },
      body: JSON.stringify({ run: this.run, policy: this.policy, ...this.say() }),
      signal: AbortSignal.timeout(10_000),
    });
    if (LOST.has(answer.status)) return this.obey({ leave: true, beginsAt: null, places: {} });
    if (!answer.ok) return;
    this.take((await answer.json()) as Answer, sent);
  }

  private take(said: Answer, sent: number): void {
    this.ahead = said.now * 1000 - (sent + Date.now()) / 2;
    if (said.places) [this.places, this.policy] = [said.places, said.policy];
    this.obey({
      leave: said.leave,
      beginsAt: said.begin ? said.begins_at * 1000 - this.ahead : null,
      places: this.places,
    });
  }
}
