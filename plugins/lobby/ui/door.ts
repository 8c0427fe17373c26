/** The door as the server says it is, and the calls that change it. */
import type { PageApi } from '@audimax/page';
import { chime, titled } from './signals';

export interface Person {
  id: string;
  name: string;
  since: string;
  returning: boolean;
  gone: boolean;
  account: boolean;
  asked_before: boolean;
  doubled: boolean;
  like_host: boolean;
  listed: boolean;
  named: boolean;
}
export interface Past {
  id: string;
  name: string;
  state: 'approved' | 'rejected';
  words: string;
  by: string;
  at: string;
  times: number;
}
export type Who = 'nobody' | 'strangers' | 'everyone';
export interface DoorState {
  live: boolean;
  who_waits: Who;
  open: boolean;
  message: string;
  class_list: number;
  total: number;
  found: number;
  ready: number;
  people: Person[];
  rejected: Past[];
  decided: Past[];
}
interface Decided {
  done: number;
  already: { id: string; name: string; state: string; by: string }[];
  live: boolean;
}
interface Matches {
  people: number;
  ids: string[];
  doubtful: string[];
}

// Codes of core/http/sockets.py after which coming back at once would be wrong.
const NOT_ALLOWED = 4401;
const ELSEWHERE = 4408;
const LONGEST_PAUSE_MS = 15_000;
const TYPING_MS = 300;
const BURST_MS = 1500;
const MOST_AT_ONCE = 1000;

export const isDoubtful = (one: Person) => one.like_host || (one.doubled && !one.listed);
export const isOnList = (one: Person) => one.listed || one.named;

export class Door {
  state: DoorState | null = null;
  connected = false;
  /** No host any more, or the waiting room is switched off. */
  refused = false;
  search = '';
  selected: ReadonlySet<string> = new Set();
  private socket: WebSocket | null = null;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private burst: ReturnType<typeof setTimeout> | undefined;
  private newcomers: string[] = [];
  private known: Set<string> | null = null;
  private version = 0;
  private readonly watchers = new Set<() => void>();
  private readonly ahead: number;

  constructor(readonly page: PageApi) {
    const now = Date.parse(String(page.plugin.config.now ?? ''));
    // The server's clock counts: it said `now` when the page was made.
    this.ahead = Number.isNaN(now) ? 0 : now - performance.timeOrigin;
    page.signal.addEventListener('abort', () => this.close());
  }

  readonly subscribe = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  };
  readonly snapshot = () => this.version;

  get hasSound(): boolean {
    return this.page.storage.get('sound', true);
  }

  toggleSound() {
    const on = !this.hasSound;
    this.page.storage.set('sound', on);
    if (on) chime();
    this.changed();
  }

  /** The server couldn't be reached since the page was opened. */
  get hasFailed(): boolean {
    return this.failures > 0;
  }

  /** Seconds that somebody has waited. */
  waited(one: Person): number {
    return Math.max(0, (Date.now() + this.ahead - Date.parse(one.since)) / 1000);
  }

  open() {
    clearTimeout(this.timer);
    const address = `${location.origin.replace(/^http/, 'ws')}${this.page.plugin.api}/live?q=${encodeURIComponent(this.search)}`;
    const socket = new WebSocket(address);
    const before = this.socket;
    this.socket = socket;
    before?.close();
    socket.addEventListener('message', (event) => this.socket === socket && this.take(JSON.parse(String(event.data)) as DoorState));
    socket.addEventListener('close', (event) => this.socket === socket && this.lost(event.code));
  }

  close() {
    clearTimeout(this.timer);
    clearTimeout(this.burst);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    titled(0);
  }

  look(search: string) {
    this.search = search;
    this.changed();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), TYPING_MS);
  }

  select(ids: Iterable<string>) {
    this.selected = new Set(ids);
    this.changed();
  }

  toggle(id: string) {
    const next = new Set(this.selected);
    if (!next.delete(id)) next.add(id);
    this.select(next);
  }

  admit(ids: string[], more: { rejected?: boolean } = {}) {
    return this.decide({ ids, verdict: 'admit', ...more });
  }

  reject(ids: string[], words: string) {
    return this.decide({ ids, verdict: 'reject', words });
  }

  async admitAll(): Promise<number> {
    const { done } = await this.page.api.post<Decided>('/admit-all');
    return done;
  }

  letEverybodyIn(on: boolean) {
    return this.page.api.post('/open', { on });
  }

  say(text: string) {
    return this.page.api.post('/message', { text });
  }

  whoWaits(who_waits: Who) {
    return this.page.api.post('/who', { who_waits });
  }

  /** Keeps the list; those who match beyond doubt are selected. */
  async paste(text: string): Promise<Matches> {
    const matches = await this.page.api.post<Matches>('/class-list', { text });
    this.select(matches.ids);
    return matches;
  }

  private async decide(body: Record<string, unknown> & { ids: string[] }) {
    const ids = body.ids.slice(0, MOST_AT_ONCE);
    const { done, already } = await this.page.api.post<Decided>('/decide', { ...body, ids });
    this.select([...this.selected].filter((id) => !ids.includes(id)));
    for (const one of already.slice(0, 3)) this.page.toast(this.fasterOne(one));
    return done;
  }

  private fasterOne({ name, state, by }: Decided['already'][number]): string {
    const { t } = this.page;
    const who = by || t('A host');
    return state === 'rejected' ? t('{who} has sent {name} away already.', { who, name }) : t('{who} has let {name} in already.', { who, name });
  }

  private take(state: DoorState) {
    this.failures = 0;
    this.connected = true;
    this.noteNewcomers(state);
    this.state = state;
    titled(state.total);
    const shown = new Set(state.people.map((one) => one.id));
    if (!this.search) this.selected = new Set([...this.selected].filter((id) => shown.has(id) || state.total > state.people.length));
    this.changed();
  }

  private noteNewcomers(state: DoorState) {
    const fresh = this.known ? state.people.filter((one) => !this.known!.has(one.id)) : [];
    this.known = new Set([...(this.known ?? []), ...state.people.map((one) => one.id)]);
    if (!fresh.length || this.search) return;
    this.newcomers.push(...fresh.map((one) => one.name));
    // Three hundred at nine o'clock are one sound, not three hundred.
    this.burst ??= setTimeout(() => this.ring(), BURST_MS);
  }

  private ring() {
    this.burst = undefined;
    const names = this.newcomers.splice(0);
    const { t, announce } = this.page;
    if (this.hasSound) chime();
    announce(names.length === 1 ? t('{name} is waiting.', { name: names[0] }) : t('New in the waiting room: {count}', { count: names.length }));
  }

  private lost(code: number) {
    this.connected = false;
    this.refused = code === NOT_ALLOWED;
    this.changed();
    if (code === NOT_ALLOWED) return titled(0);
    if (code === ELSEWHERE) return this.openWhenSeen();
    const pause = Math.min(500 * 2 ** this.failures++, LONGEST_PAUSE_MS) * (0.5 + Math.random());
    this.timer = setTimeout(() => this.open(), pause);
  }

  private openWhenSeen() {
    const again = () => {
      if (document.hidden) return;
      document.removeEventListener('visibilitychange', again);
      this.open();
    };
    document.addEventListener('visibilitychange', again, { signal: this.page.signal });
  }

  private changed() {
    this.version += 1;
    for (const watcher of [...this.watchers]) watcher();
  }
}
