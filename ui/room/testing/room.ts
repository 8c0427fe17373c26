/** Stand-ins for tests: a page, a door that answers what it is told, an EventSource in hand. */
import type { Admission, JoinAnswer, JoinBody, RoomRoutes } from '../api';
import type { PageConfig, PluginEntry } from '../config';

export const admission: Admission = {
  status: 'admitted',
  token: 'token',
  livekit_url: 'ws://localhost:8001',
  identity: 'ada',
  lecture_id: 'lecture',
  name: 'Ada',
  role: 'guest',
};

export function pageConfig(change: Partial<PageConfig> = {}): PageConfig {
  return {
    room: { id: 'room', title: 'Algorithms II', code: 'kxf-pmua-wz', link: 'http://localhost:8000/r/kxf-pmua-wz', live: true },
    me: { signed_in: false, name: '', role: 'stranger', known: false },
    api: { base: '/api/rooms/room' },
    urls: { home: '/', lecture_base: '/lectures/' },
    livekit_url: '',
    locale: 'en',
    messages: {},
    icons: '/icons.svg',
    plugins: [],
    settings: {},
    ...change,
  };
}

export const pluginEntry = (id: string, change: Partial<PluginEntry> = {}): PluginEntry => ({
  id,
  name: id,
  module: id,
  api: `/api/rooms/room/${id}`,
  apiVersion: 1,
  ...change,
});

/** Answers each question at the door with the next of `answers`; the last one stays. */
export class FakeRoutes {
  readonly asked: JoinBody[] = [];
  left = 0;
  started = 0;

  constructor(public answers: JoinAnswer[]) {}

  async join(body: JoinBody): Promise<JoinAnswer> {
    this.asked.push(body);
    return this.answers.length > 1 ? this.answers.shift()! : this.answers[0];
  }

  async start() {
    this.started += 1;
    return { status: 'started' as const };
  }

  leave() {
    this.left += 1;
  }

  get asRoutes(): RoomRoutes {
    return this as unknown as RoomRoutes;
  }
}

export class FakeEventSource extends EventTarget {
  static all: FakeEventSource[] = [];
  static get last() {
    return FakeEventSource.all[FakeEventSource.all.length - 1];
  }
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;

  constructor(readonly url: string) {
    super();
    FakeEventSource.all.push(this);
  }

  close() {
    this.closed = true;
  }

  send(name: string, data: unknown) {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
  }
}
