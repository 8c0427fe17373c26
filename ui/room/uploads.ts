/**
 * Files on their way to the server or past it to a storage: a few at a time, on again after a cut where they
 * stopped, and with words where they can't. A file is read slice by slice, never whole.
 */
import { backoff, type Backoff } from './backoff';
import { t } from './i18n';
import type { Dispose, StoredFile, Upload, UploadOptions, UploadState } from './sdk';
import { Lost, send, type Reply, type Wanted } from './wire';

/** What the server wants: the bytes itself, or to be asked for the storage's addresses. */
interface Plan {
  id: string;
  how: 'stream' | 'direct' | 'parts';
  part_size: number;
  size: number;
}
interface Standing extends Plan {
  state: string;
  /** Bytes that have come, whichever way. */
  offset: number;
  parts: number[];
}
interface Address {
  method: string;
  url: string;
  headers: Record<string, string>;
}

const AT_ONCE = 2;
const PARTS_AT_ONCE = 3;
// In a row and without a byte of progress: some minutes.
const MOST_FAILURES = 10;
const LONGEST_WAIT_S = 120;
// The server copies the file, which takes its time with large ones.
const CHECK_PATIENCE_MS = 300_000;
const SPEED_EVERY_MS = 400;
const SMOOTH = 0.3;

// Cut off, in use by the connection before, too much at once.
const PASSES: ReadonlySet<number> = new Set([408, 423, 429]);
// The server has other bytes than the page believes: it is asked which.
const GO_ON: ReadonlySet<unknown> = new Set(['wrong_offset', 'incomplete']);

/** It may work in a moment. */
class Later extends Error {
  constructor(
    words: string,
    readonly waitMs = 0,
  ) {
    super(words);
  }
}

const lostWords = () => t('The connection is lost. The upload goes on as soon as it is back.');
const storageLostWords = () => t('The file storage can’t be reached from here. The upload tries again by itself.');
const busyWords = () => t('The server is busy. The upload goes on in a moment.');
const storageBusyWords = () => t('The file storage is busy. The upload goes on in a moment.');

function waitMs(reply: Reply): number {
  const seconds = Number(reply.header('Retry-After'));
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, LONGEST_WAIT_S) * 1000 * (1 + Math.random() / 4) : 0;
}

function wordsIn(reply: Reply): string {
  const { detail, title } = reply.body;
  return [detail, title].find((words): words is string => typeof words === 'string' && words !== '') ?? '';
}

/** What our server says to it, in its own words where it has some. */
function taken(reply: Reply): Reply {
  if (reply.ok) return reply;
  const words = wordsIn(reply);
  if (PASSES.has(reply.status) || reply.status >= 500) throw new Later(words || busyWords(), waitMs(reply));
  if (GO_ON.has(reply.body.code)) throw new Later('');
  throw new Error(words || t('The server answered {status}.', { status: reply.status }));
}

/** A storage says nothing to people: what it says to programs is put in words here. */
function storageTrouble({ status }: Reply): Error {
  if (PASSES.has(status) || status >= 500 || status === 409) return new Later(storageBusyWords());
  // It no longer knows the upload; the server knows why.
  if (status === 404) return new Later('');
  if (status === 403) return new Error(t('The file storage refused the file: the permission to send it doesn’t hold any more. Try again.'));
  return new Error(t('The file storage refused the file: its size or type isn’t what was announced. Has it changed meanwhile?'));
}

/** Bytes per second, smoothed: what people read must not jump. */
class Pace {
  speed = 0;
  private at = 0;
  private bytes = 0;

  begin(bytes: number) {
    this.at = performance.now();
    this.bytes = bytes;
    this.speed = 0;
  }

  reach(bytes: number) {
    const passed = performance.now() - this.at;
    if (passed < SPEED_EVERY_MS) return;
    const now = (Math.max(0, bytes - this.bytes) / passed) * 1000;
    this.speed = this.speed ? SMOOTH * now + (1 - SMOOTH) * this.speed : now;
    this.at += passed;
    this.bytes = bytes;
  }
}

interface Ways {
  /** Full address of the route that answers the plan. */
  begin: string;
  body: Record<string, unknown>;
  pauses(): Backoff;
  requeue(upload: FileUpload): void;
}

export class FileUpload implements Upload {
  readonly name: string;
  readonly size: number;
  state: UploadState = 'waiting';
  sent = 0;
  message = '';
  file: StoredFile | null = null;
  private plan: Plan | null = null;
  private stop = new AbortController();
  private hurry: () => void = () => undefined;
  /** What the server certainly has. */
  private arrived = 0;
  private readonly pace = new Pace();
  private readonly watchers = new Set<() => void>();

  constructor(
    private readonly source: File,
    private readonly ways: Ways,
  ) {
    this.name = source.name;
    this.size = source.size;
  }

  get speed(): number {
    return this.state === 'sending' ? this.pace.speed : 0;
  }

  get isOver(): boolean {
    return this.state === 'done' || this.state === 'failed' || this.state === 'cancelled';
  }

  onChange(listener: () => void): Dispose {
    this.watchers.add(listener);
    return () => void this.watchers.delete(listener);
  }

  cancel() {
    if (this.state === 'done' || this.state === 'cancelled') return;
    this.stop.abort();
    this.drop();
    this.become('cancelled');
  }

  retry() {
    if (this.state !== 'failed' && this.state !== 'cancelled') return;
    this.stop = new AbortController();
    this.become('waiting');
    this.ways.requeue(this);
  }

  /** From here to the end, whatever it is; never rejects. */
  async run(): Promise<void> {
    const { signal } = this.stop;
    try {
      await this.persist(signal);
      this.become('done');
    } catch (error) {
      if (!signal.aborted) this.fail(error as Error);
    }
  }

  /** Tries on as long as bytes get through now and then. */
  private async persist(signal: AbortSignal): Promise<void> {
    const pauses = this.ways.pauses();
    for (let failures = 0, before = 0; ; ) {
      try {
        return await this.attempt(signal);
      } catch (error) {
        if (!(error instanceof Later)) throw error;
        await this.checkReadable();
        if (this.arrived > before) {
          failures = 0;
          pauses.reset();
        }
        before = this.arrived;
        if (navigator.onLine !== false && ++failures >= MOST_FAILURES) throw error;
        this.say(error.message);
        await this.pause(signal, Math.max(error.waitMs, pauses.next()));
        this.say('');
      }
    }
  }

  /** Begins with what the server has: so nothing goes twice, and nothing is left out. */
  private async attempt(signal: AbortSignal): Promise<void> {
    if (this.state === 'waiting') this.become('sending');
    const standing = await this.standing(signal);
    if (standing.state === 'incoming' && standing.offset < this.size) {
      this.become('sending');
      await this.sendRest(standing, signal);
    }
    this.reach(this.size);
    this.become('checking');
    const { body } = await this.ours(standing, 'POST', '/complete', signal, { patienceMs: CHECK_PATIENCE_MS });
    this.take(body as unknown as StoredFile);
  }

  private take(file: StoredFile) {
    if (file.state === 'refused') throw new Error(file.refused_because || t('The server refused the file.'));
    if (file.state !== 'ready') throw new Later('');
    this.file = file;
  }

  private async standing(signal: AbortSignal): Promise<Standing> {
    if (this.plan) return (await this.ours(this.plan, 'GET', '', signal)).body as unknown as Standing;
    const { name, size, source } = this;
    const body = JSON.stringify({ ...this.ways.body, name, size, mime: source.type || 'application/octet-stream' });
    // Not stopped halfway: what has begun unseen would only be found by the server's sweep.
    const reply = await this.answered({ method: 'POST', url: this.ways.begin, headers: JSON_BODY, body });
    const plan = reply.body as unknown as Plan;
    if (signal.aborted) {
      dropOnServer(plan);
      throw signal.reason;
    }
    this.plan = plan;
    return { ...plan, state: 'incoming', offset: 0, parts: [] };
  }

  private sendRest(standing: Standing, signal: AbortSignal): Promise<void> {
    if (standing.how === 'stream') return this.stream(standing, signal);
    return standing.how === 'parts' ? this.sendParts(standing, signal) : this.sendWhole(standing, signal);
  }

  // --- to our server ---

  private async stream(plan: Standing, signal: AbortSignal): Promise<void> {
    this.begin(plan.offset);
    while (this.arrived < this.size) {
      const from = this.arrived;
      const body = this.source.slice(from, Math.min(from + plan.part_size, this.size));
      const headers = { 'Upload-Offset': String(from), 'Content-Type': 'application/offset+octet-stream' };
      const reply = await this.ours(plan, 'PATCH', '', signal, { body, headers, onProgress: (loaded) => this.reach(from + loaded) });
      this.arrived = Number(reply.header('Upload-Offset') ?? from + body.size);
      if (this.arrived <= from) throw new Later('');
    }
  }

  // --- past it, to the storage ---

  private async sendWhole(plan: Standing, signal: AbortSignal): Promise<void> {
    this.begin(0);
    await this.sendSigned(plan, {}, this.source, signal, (loaded) => this.reach(loaded));
    this.arrived = this.size;
  }

  private async sendParts(plan: Standing, signal: AbortSignal): Promise<void> {
    const count = Math.max(1, Math.ceil(this.size / plan.part_size));
    const there = new Set(plan.parts);
    const missing = Array.from({ length: count }, (_, index) => index + 1).filter((part) => !there.has(part));
    const bytesOf = (part: number) => Math.min(part * plan.part_size, this.size) - (part - 1) * plan.part_size;
    const onTheWay = new Map<number, number>();
    this.begin(plan.parts.reduce((sum, part) => sum + bytesOf(part), 0));
    const tell = () => this.reach([...onTheWay.values()].reduce((sum, bytes) => sum + bytes, this.arrived));
    const work = async () => {
      for (let part = missing.shift(); part; part = missing.shift()) {
        const number = part;
        const from = (number - 1) * plan.part_size;
        const slice = this.source.slice(from, from + bytesOf(number));
        try {
          await this.sendSigned(plan, { part: number }, slice, signal, (loaded) => {
            onTheWay.set(number, loaded);
            tell();
          });
          this.arrived += slice.size;
        } finally {
          onTheWay.delete(number);
        }
      }
    };
    // All of them come to rest before the next attempt asks which parts have come.
    const ends = await Promise.allSettled(Array.from({ length: PARTS_AT_ONCE }, work));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** A signed address lives shortly: a slow line may need a second one. */
  private async sendSigned(plan: Plan, asked: { part?: number }, body: Blob, signal: AbortSignal, onProgress: (loaded: number) => void) {
    for (const mayAskAgain of [true, false]) {
      const reply = await this.ours(plan, 'POST', '/address', signal, { headers: JSON_BODY, body: JSON.stringify(asked) });
      const { method, url, headers } = reply.body as unknown as Address;
      const said = await this.unlost({ method, url, headers, body, signal, onProgress }, storageLostWords);
      if (said.ok) return;
      if (said.status !== 403 || !mayAskAgain) throw storageTrouble(said);
    }
  }

  // --- what they share ---

  private ours(plan: Plan, method: string, path: string, signal: AbortSignal, more: Partial<Wanted> = {}): Promise<Reply> {
    return this.answered({ method, url: addressOf(plan) + path, signal, ...more });
  }

  private async answered(wanted: Wanted): Promise<Reply> {
    return taken(await this.unlost(wanted, lostWords));
  }

  private async unlost(wanted: Wanted, words: () => string): Promise<Reply> {
    try {
      return await send(wanted);
    } catch (error) {
      if (error instanceof Lost) throw new Later(words());
      throw error;
    }
  }

  /** A file that was changed or moved looks like a cut line to the browser. */
  private async checkReadable(): Promise<void> {
    try {
      await this.source.slice(0, 1).arrayBuffer();
    } catch {
      throw new Error(t('The file can’t be read any more: it was changed, moved or deleted. Choose it again.'));
    }
  }

  /** Cut short when the browser says that the line is back. */
  private async pause(signal: AbortSignal, ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.hurry = () => {
        clearTimeout(timer);
        resolve();
      };
      addEventListener('online', this.hurry);
      signal.addEventListener('abort', this.hurry);
    });
    removeEventListener('online', this.hurry);
    signal.removeEventListener('abort', this.hurry);
    signal.throwIfAborted();
  }

  private fail(error: Error) {
    // Whoever was refused begins anew; who gave up on a bad line goes on where it broke.
    if (!(error instanceof Later)) this.drop();
    this.message = error.message || busyWords();
    this.become('failed');
  }

  private drop() {
    if (this.plan) dropOnServer(this.plan);
    this.plan = null;
    this.arrived = 0;
  }

  private begin(arrived: number) {
    this.arrived = arrived;
    this.pace.begin(arrived);
    this.reach(arrived);
  }

  private reach(bytes: number) {
    this.sent = Math.min(bytes, this.size);
    this.pace.reach(bytes);
    this.tell();
  }

  private say(message: string) {
    this.message = message;
    this.tell();
  }

  private become(state: UploadState) {
    if (state !== 'failed') this.message = '';
    if (state === 'waiting') this.sent = this.arrived;
    this.state = state;
    this.tell();
  }

  private tell() {
    for (const watcher of [...this.watchers]) watcher();
  }
}

const JSON_BODY = { 'Content-Type': 'application/json' };
const addressOf = ({ id }: Plan) => `/api/uploads/${encodeURIComponent(id)}`;

/** If this is lost too, the server's sweep finds the rest. */
function dropOnServer(plan: Plan) {
  void send({ method: 'DELETE', url: addressOf(plan) }).catch(() => undefined);
}

const holdPage = (event: BeforeUnloadEvent) => event.preventDefault();

/** All uploads of a call, in line. */
export class Uploads {
  private readonly line: FileUpload[] = [];
  private readonly unfinished = new Set<FileUpload>();
  private running = 0;

  constructor(private readonly pauses: () => Backoff = () => backoff(1000, 30_000)) {}

  /** `base`: where the plugin's routes begin. Once `signal` is aborted nothing more is sent. */
  add(file: File, { begin, body = {} }: UploadOptions, base: string, signal?: AbortSignal): Upload {
    const requeue = (upload: FileUpload) => this.enqueue(upload);
    const made = new FileUpload(file, { begin: base + begin, body, pauses: this.pauses, requeue });
    const cancel = () => made.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    made.onChange(() => this.follow(made));
    this.enqueue(made);
    if (signal?.aborted) cancel();
    return made;
  }

  private enqueue(upload: FileUpload) {
    this.line.push(upload);
    this.follow(upload);
    queueMicrotask(() => this.next());
  }

  private next() {
    while (this.running < AT_ONCE && this.line.length) {
      const upload = this.line.shift()!;
      if (upload.state !== 'waiting') continue;
      this.running += 1;
      void upload.run().then(() => {
        this.running -= 1;
        this.next();
      });
    }
  }

  /** The browser asks before the page is left, but only while something would be lost. */
  private follow(upload: FileUpload) {
    if (upload.isOver) this.unfinished.delete(upload);
    else this.unfinished.add(upload);
    if (this.unfinished.size) addEventListener('beforeunload', holdPage);
    else removeEventListener('beforeunload', holdPage);
  }
}
