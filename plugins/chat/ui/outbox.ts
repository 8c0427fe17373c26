/** Lines on their way. Each has an id of this page's making, so that the server takes it once however often it comes. */
import type { ApiError, RoomApi, StoredFile } from '@audimax/room';
import type { Message, Quote, To } from './messages';

export interface Draft {
  text: string;
  to: To;
  reply: Quote | null;
  is_question: boolean;
  files?: StoredFile[];
}
export interface Outgoing extends Draft {
  client_id: string;
  /** When it was written; milliseconds since 1970. */
  at: number;
  status: 'sending' | 'failed';
  why: string;
}
interface Kept {
  lecture: string;
  identity: string;
  lines: Outgoing[];
  draft: string;
}

const DEADLINE_MS = 15_000;
const PAUSES_MS = [1000, 3000];
const MOST = 50;

export const isRefusal = (error: unknown): error is ApiError => {
  const { status } = error as Partial<ApiError>;
  return typeof status === 'number' && status >= 400 && status < 500;
};

/** A request that never ends is one that has failed: a repetition does no harm. */
function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer')), DEADLINE_MS);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

const pause = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));

/** Random as the server wants it; pages without a secure context have no `randomUUID`. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

interface Listener {
  changed(): void;
  sent(message: Message): void;
  refused(error: ApiError): void;
}

export class Outbox {
  lines: readonly Outgoing[] = [];
  private works = false;

  constructor(
    private readonly room: RoomApi,
    private readonly listener: Listener,
  ) {
    const kept = this.kept();
    this.lines = kept.lines;
  }

  /** What was on its way when the page was left: whether it came is the server's to say. */
  resume() {
    void this.work();
  }

  get draft(): string {
    return this.kept().draft;
  }

  set draft(draft: string) {
    this.room.storage.set('kept', { ...this.kept(), draft });
  }

  send(draft: Draft) {
    const line: Outgoing = { ...draft, client_id: newId(), at: Date.now(), status: 'sending', why: '' };
    this.set([...this.lines, line].slice(-MOST));
    void this.work();
  }

  /** Once more, to `to` where it isn't allowed any more to send it to whom it was meant for. */
  retry(line: Outgoing, to: To = line.to) {
    this.change(line, { status: 'sending', why: '', to });
    void this.work();
  }

  discard(line: Outgoing) {
    this.set(this.lines.filter(({ client_id }) => client_id !== line.client_id));
  }

  /** The server has it. */
  confirm(client_id: string | undefined) {
    if (this.lines.some((line) => line.client_id === client_id)) {
      this.set(this.lines.filter((line) => line.client_id !== client_id));
    }
  }

  /** One after the other: somebody's lines keep the order in which they wrote them. */
  private async work() {
    if (this.works) return;
    this.works = true;
    for (let next = this.next(); next && !this.room.signal.aborted; next = this.next()) await this.deliver(next);
    this.works = false;
  }

  private next(): Outgoing | undefined {
    return this.lines.find(({ status }) => status === 'sending');
  }

  private async deliver(line: Outgoing) {
    const { client_id, text, to, is_question, reply, files = [] } = line;
    const body = { client_id, text, to, is_question, ...(reply ? { reply_to: reply.id } : {}), ...(files.length ? { files: files.map(({ id }) => id) } : {}) };
    for (const ms of [...PAUSES_MS, null]) {
      try {
        const message = await inTime(this.room.api.post<Message>('/messages', body));
        this.confirm(client_id);
        this.listener.sent(message);
        return;
      } catch (error) {
        // What was on its way when the room was left is sent again by the next page.
        if (this.room.signal.aborted) return;
        if (isRefusal(error)) {
          this.change(line, { status: 'failed', why: error.message });
          this.listener.refused(error);
          return;
        }
        if (ms === null) this.change(line, { status: 'failed', why: this.words(error) });
        else await pause(ms);
      }
    }
  }

  private words(error: unknown): string {
    return (error as Partial<ApiError>).status ? (error as Error).message : this.room.t('The server can’t be reached.');
  }

  private change(line: Outgoing, values: Partial<Outgoing>) {
    this.set(this.lines.map((one) => (one.client_id === line.client_id ? { ...one, ...values } : one)));
  }

  private set(lines: readonly Outgoing[]) {
    this.lines = lines;
    this.room.storage.set('kept', { ...this.kept(), lines });
    this.listener.changed();
  }

  /** Of this lecture and this person: on a shared computer the next one finds nothing. */
  private kept(): Kept {
    const { lectureId: lecture } = this.room.info;
    const { identity } = this.room.me;
    const nothing: Kept = { lecture, identity, lines: [], draft: '' };
    const found = this.room.storage.get<Kept>('kept', nothing);
    return found.lecture === lecture && found.identity === identity ? found : nothing;
  }
}
