/** The room's JSON routes, each answer as a typed value. Nothing here throws. */
import type { PluginEntry } from './config';
import { t } from './i18n';

export interface Admission {
  status: 'admitted';
  token: string;
  livekit_url: string;
  identity: string;
  lecture_id: string;
  name: string;
  role: 'guest' | 'host';
}
export interface Waiting {
  status: 'waiting';
  reason: string;
  code: string;
  stream_url: string;
  info?: WaitingInfo;
}
/** What else there is to know while waiting. */
export interface WaitingInfo {
  place?: number;
  message?: string;
}
export interface Asked {
  status: 'asked';
  field: string;
  label: string;
  reason: string;
  /** Seconds until the next try counts; 0 when there is no limit in force. */
  retryAfter: number;
}
export interface Denied {
  status: 'denied';
  reason: string;
  /** Seconds after which one may ask again; none when asking again is of no use. */
  retryAfter?: number;
}
/** A host asked, but there is no lecture to enter: it has to be started. */
export interface NotLive {
  status: 'not_live';
  reason: string;
}
/** What was sent can't be taken; `field` says which part. */
export interface Invalid {
  status: 'invalid';
  field: string;
  reason: string;
}
/** The server can't answer now; the page tries again by itself. */
export interface Unavailable {
  status: 'unavailable';
  reason: string;
  retryAfter: number;
}
export type JoinAnswer = Admission | Waiting | Asked | Denied | NotLive | Invalid | Unavailable;

export interface JoinBody {
  name: string;
  answer?: { field: string; value: string };
  fingerprint?: string;
  as_someone_else?: boolean;
  code?: string;
}
export type Ended = { status: 'ended'; url: string } | Denied | Unavailable;
export type Started = { status: 'started' } | Denied | Unavailable;

/** One setting of the room, as the form of the server describes it. */
export interface FormField {
  name: string;
  kind: 'text' | 'number' | 'decimal' | 'switch' | 'choice' | 'choices' | 'list';
  label: string;
  help: string;
  value: unknown;
  /** The institution has set it, and hosts can’t change it. */
  locked: boolean;
  minimum?: number;
  maximum?: number;
  choices: { value: string; label: string }[];
}
/** The settings of core, or of a plugin: then `on` says whether the room has it. */
export interface FormGroup {
  owner: string;
  title: string;
  help: string;
  on?: boolean;
  on_locked?: boolean;
  page: string;
  page_title: string;
  fields: FormField[];
}
export type RoomForm = { status: 'form'; groups: FormGroup[] } | Denied | Unavailable;
export interface RoomChange {
  settings?: Record<string, unknown>;
  plugins?: Record<string, { enabled?: boolean; settings?: Record<string, unknown> }>;
}
/** Nothing was changed: `errors` says what is wrong with which field. */
export interface Wrong {
  status: 'wrong';
  reason: string;
  errors: { field: string; message: string }[];
}
export type Changed = { status: 'changed' } | Wrong | Denied | Unavailable;

export interface Problem {
  detail?: string;
  title?: string;
  code?: string;
  field?: string;
  label?: string;
  denied?: boolean;
  errors?: { field?: string; message?: string; detail?: string }[];
}

const DEADLINE_MS = 15_000;
const PAUSE_S = 3;

interface Reply {
  status: number;
  body: unknown;
  retryAfter: number;
}

async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return {};
  }
}

export class RoomRoutes {
  constructor(
    private readonly base: string,
    private readonly fetching: typeof fetch = (...request) => fetch(...request),
  ) {}

  async join(body: JoinBody): Promise<JoinAnswer> {
    const reply = await this.post('join', body);
    return reply ? joinAnswer(reply) : noConnection();
  }

  async start(): Promise<Started> {
    const reply = await this.post('start', {});
    if (!reply) return noConnection();
    return isOk(reply) ? { status: 'started' } : refusal(reply);
  }

  async end(): Promise<Ended> {
    const reply = await this.post('end', {});
    if (!reply) return noConnection();
    if (isOk(reply)) return { status: 'ended', url: (reply.body as { url?: string }).url ?? '' };
    return refusal(reply);
  }

  /** What the room is set to, for its hosts. */
  async form(): Promise<RoomForm> {
    const reply = await this.ask('GET', 'form');
    if (!reply) return noConnection();
    return isOk(reply) ? { status: 'form', groups: (reply.body as { groups: FormGroup[] }).groups } : refusal(reply);
  }

  /** The browser parts of the plugins that are on now; null when they can't be had. */
  async plugins(): Promise<PluginEntry[] | null> {
    const reply = await this.ask('GET', 'plugins');
    return reply && isOk(reply) ? (reply.body as { plugins: PluginEntry[] }).plugins : null;
  }

  async change(body: RoomChange): Promise<Changed> {
    const reply = await this.ask('PATCH', '', body);
    if (!reply) return noConnection();
    if (isOk(reply)) return { status: 'changed' };
    return reply.status === 422 ? wrong(reply) : refusal(reply);
  }

  /** How good one's own connection is; nobody waits for the answer. */
  quality(quality: 'good' | 'weak' | 'lost') {
    void this.post('quality', { quality });
  }

  /** On which of LiveKit's nodes the lecture runs; hosts say it. */
  node(node: string) {
    void this.post('node', { node });
  }

  /** Gives up waiting, or says that this person has gone. Survives the closing of the page. */
  leave() {
    navigator.sendBeacon?.(`${this.base}/leave`, new Blob(['{}'], { type: 'application/json' }));
  }

  private post(path: string, body: unknown): Promise<Reply | null> {
    return this.ask('POST', path, body);
  }

  private async ask(method: string, path: string, body?: unknown): Promise<Reply | null> {
    try {
      const response = await this.fetching(path ? `${this.base}/${path}` : this.base, {
        method,
        credentials: 'same-origin',
        headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      return { status: response.status, body: await jsonOf(response), retryAfter: retryAfter(response) };
    } catch {
      return null;
    }
  }
}

const isOk = (reply: Reply) => reply.status >= 200 && reply.status < 300;

function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get('Retry-After'));
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 600) : 0;
}

export function noConnection(): Unavailable {
  const reason = t('The server can’t be reached. Check your internet connection.');
  return { status: 'unavailable', reason, retryAfter: PAUSE_S };
}

function unavailable(reply: Reply, words: string): Unavailable {
  const { detail } = reply.body as Problem;
  return { status: 'unavailable', reason: detail || words, retryAfter: reply.retryAfter || PAUSE_S };
}

function refusal(reply: Reply): Denied | Unavailable {
  const { detail, title } = reply.body as Problem;
  if (reply.status >= 500) return unavailable(reply, t('Something went wrong on the server.'));
  if (reply.status === 429) return unavailable(reply, t('Too many tries. Please wait a moment.'));
  return { status: 'denied', reason: detail || title || t('That isn’t possible now.') };
}

function asked(reply: Reply): Asked {
  const body = reply.body as Partial<Asked> & Problem;
  return {
    status: 'asked',
    field: body.field ?? '',
    label: body.label || body.field || '',
    reason: body.reason || body.detail || '',
    retryAfter: reply.retryAfter,
  };
}

function invalid(reply: Reply): Invalid {
  const { errors, detail } = reply.body as Problem;
  const first = errors?.[0];
  const reason = first?.message || first?.detail || detail || t('Please check what you typed.');
  return { status: 'invalid', field: first?.field ?? '', reason };
}

function wrong(reply: Reply): Wrong {
  const { errors = [], detail } = reply.body as Problem;
  const named = errors.map(({ field = '', message = '' }) => ({ field, message }));
  return { status: 'wrong', reason: detail || t('Please check what you typed.'), errors: named };
}

function waiting(body: unknown): Waiting {
  return { ...(body as Waiting), reason: (body as Waiting).reason ?? '', code: (body as Waiting).code ?? '' };
}

function accepted(reply: Reply): JoinAnswer {
  const { status } = reply.body as { status?: unknown };
  if (status === 'admitted') return reply.body as Admission;
  return status === 'asked' ? asked(reply) : waiting(reply.body);
}

function joinAnswer(reply: Reply): JoinAnswer {
  const { field, code, detail, denied } = reply.body as Problem;
  if (isOk(reply)) return accepted(reply);
  if (code === 'not_live') return { status: 'not_live', reason: detail ?? '' };
  if (reply.status === 429 && field) return asked(reply);
  if (reply.status === 429 && denied) return { status: 'denied', reason: detail ?? '', retryAfter: reply.retryAfter };
  if (reply.status === 422) return invalid(reply);
  if (reply.status === 404) return { status: 'denied', reason: t('This room doesn’t exist any more.') };
  return refusal(reply);
}
