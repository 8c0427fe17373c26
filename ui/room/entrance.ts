/** The way in: from the name to the token, whatever the room asks on the way. */
import { type Admission, type Asked, type JoinAnswer, type JoinBody, type RoomRoutes, type Waiting } from './api';
import { backoff } from './backoff';
import { fingerprint } from './fingerprint';
import { Store } from './store';
import { WaitingStream, type StreamEvent, type StreamListener } from './stream';

export type Stage =
  | { name: 'form'; field?: string; error?: string; notLive?: boolean }
  | { name: 'joining' }
  | { name: 'asked'; asked: Asked; busy: boolean }
  | { name: 'waiting'; reason: string; code: string; message: string; place: number | null; connected: boolean; starting: boolean }
  | { name: 'denied'; reason: string; againAt?: number }
  | { name: 'unavailable'; reason: string; retryAt: number }
  | { name: 'elsewhere' }
  | { name: 'gone' }
  | { name: 'admitted'; admission: Admission };

type Stream = Pick<WaitingStream, 'close'>;

export interface EntranceParts {
  /** What the link carried, as in #pin=123456. */
  pin?: string;
  /** The code of the link that the page was opened with. */
  code?: string;
  openStream?: (url: string, listener: StreamListener) => Stream;
  describeBrowser?: () => Promise<string>;
}

const text = (value: unknown) => (typeof value === 'string' ? value : '');

/** What is known about a wait, from a join or from the stream. */
function news(data: { reason?: unknown; code?: unknown; info?: unknown }) {
  const { place, message } = (data.info ?? {}) as { place?: unknown; message?: unknown };
  return {
    reason: text(data.reason),
    code: text(data.code),
    message: text(message),
    place: typeof place === 'number' ? place : null,
    starting: false,
  };
}

const askAgain = (seconds = 0) => (seconds > 0 ? { againAt: Date.now() + seconds * 1000 } : {});

export class Entrance {
  readonly stage = new Store<Stage>({ name: 'form' });
  private body: JoinBody = { name: '' };
  private stream: Stream | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly pauses = backoff(1000, 20_000);
  // One for all streams: a server that lets people join but cuts every stream is asked ever less often.
  private readonly streamPauses = backoff(1000, 30_000);
  private pin: string;
  private readonly openStream: NonNullable<EntranceParts['openStream']>;
  private readonly describeBrowser: NonNullable<EntranceParts['describeBrowser']>;

  constructor(
    readonly routes: RoomRoutes,
    parts: EntranceParts = {},
  ) {
    this.pin = parts.pin ?? '';
    if (parts.code) this.body.code = parts.code;
    this.openStream = parts.openStream ?? ((url, listener) => new WaitingStream(url, listener, this.streamPauses));
    this.describeBrowser = parts.describeBrowser ?? fingerprint;
  }

  async join(name: string, someoneElse = false): Promise<void> {
    this.body = { ...this.body, name, fingerprint: await this.describeBrowser() };
    await this.ask(someoneElse ? { as_someone_else: true } : {});
  }

  /** A host opens the lecture and goes in. */
  async start(name: string): Promise<void> {
    this.rest();
    this.stage.set({ name: 'joining' });
    const answer = await this.routes.start();
    if (answer.status === 'started') return this.join(name);
    this.stage.set({ name: 'form', error: answer.reason });
  }

  async answer(value: string): Promise<void> {
    const stage = this.stage.value;
    if (stage.name !== 'asked') return;
    this.stage.set({ ...stage, busy: true });
    await this.ask({ answer: { field: stage.asked.field, value } });
  }

  /** Asks at the door again, as the same person. */
  async again(): Promise<void> {
    this.rest();
    await this.ask();
  }

  stopWaiting() {
    this.routes.leave();
    this.backToForm();
  }

  backToForm() {
    this.rest();
    this.stage.set({ name: 'form' });
  }

  /** The lecture is over; a host may start the next one from here. */
  waitForTheNext() {
    this.rest();
    this.stage.set({ name: 'form', notLive: true });
  }

  /** Goes where an answer of the door leads. */
  take(answer: JoinAnswer) {
    this.rest();
    if (answer.status !== 'unavailable') this.pauses.reset();
    switch (answer.status) {
      case 'admitted':
        return this.stage.set({ name: 'admitted', admission: answer });
      case 'waiting':
        return this.wait(answer);
      case 'asked':
        return this.askPerson(answer);
      case 'denied':
        return this.stage.set({ name: 'denied', reason: answer.reason, ...askAgain(answer.retryAfter) });
      case 'invalid':
        return this.stage.set({ name: 'form', field: answer.field, error: answer.reason });
      case 'not_live':
        return this.stage.set({ name: 'form', notLive: true });
      case 'unavailable':
        return this.tryLater(answer.reason, answer.retryAfter);
    }
  }

  /** One question at the door that leaves the stage as it is: a call that was lost asks this. */
  askQuietly(): Promise<JoinAnswer> {
    return this.routes.join(this.body);
  }

  private async ask(more: Partial<JoinBody> = {}) {
    const keepsScreen = ['waiting', 'asked', 'unavailable'].includes(this.stage.value.name);
    if (!keepsScreen) this.stage.set({ name: 'joining' });
    this.take(await this.routes.join({ ...this.body, ...more }));
  }

  /** Where nobody could look at it, it is given again: who came by the link may not know the PIN. */
  private async answerByLink(value: string) {
    await this.ask({ answer: { field: 'pin', value } });
    if (this.stage.value.name === 'unavailable') this.pin = value;
  }

  private askPerson(asked: Asked) {
    if (asked.field === 'pin' && this.pin) {
      const value = this.pin;
      this.pin = '';
      void this.answerByLink(value);
      return;
    }
    this.stage.set({ name: 'asked', asked, busy: false });
  }

  private tryLater(reason: string, seconds: number) {
    const pause = Math.max(seconds * 1000 * (1 + Math.random() / 3), this.pauses.next());
    this.timer = setTimeout(() => void this.again(), pause);
    const stage = this.stage.value;
    if (stage.name === 'waiting') this.stage.set({ ...stage, connected: false });
    else this.stage.set({ name: 'unavailable', reason, retryAt: Date.now() + pause });
  }

  private wait(answer: Waiting) {
    const { value: before } = this.stage;
    const connected = before.name !== 'waiting' || before.connected;
    this.stage.set({ name: 'waiting', ...news(answer), connected });
    this.stream = this.openStream(answer.stream_url, {
      onEvent: (name, data) => this.hear(name, data),
      onConnected: (connected) => this.update({ connected }),
      onLost: () => void this.again(),
    });
  }

  private update(change: Partial<Extract<Stage, { name: 'waiting' }>>) {
    const stage = this.stage.value;
    if (stage.name === 'waiting') this.stage.set({ ...stage, ...change });
  }

  private hear(name: StreamEvent, data: Record<string, unknown>) {
    switch (name) {
      case 'WAITING':
        return this.update(news(data));
      case 'STARTING':
        return this.update({ starting: true });
      case 'APPROVED':
        return this.take({ ...(data as unknown as Admission), status: 'admitted' });
      case 'ASKED':
        return this.take({
          status: 'asked',
          field: text(data.field),
          label: text(data.label) || text(data.field),
          reason: text(data.reason),
          retryAfter: 0,
        });
      case 'REJECTED':
        return this.take({ status: 'denied', reason: text(data.reason), retryAfter: Number(data.retry_after) || 0 });
      case 'CLOSED':
        return this.hearOfTheEnd(data.reason);
    }
  }

  // Any other reason, such as a restart, means that the stream will be there again.
  private hearOfTheEnd(reason: unknown) {
    if (reason !== 'elsewhere' && reason !== 'gone') return;
    this.rest();
    this.stage.set({ name: reason });
  }

  private rest() {
    clearTimeout(this.timer);
    this.stream?.close();
    this.stream = null;
  }
}
