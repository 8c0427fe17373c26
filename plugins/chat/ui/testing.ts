/** A room page in hand: what the plugin added, what it asked of the server, what it said. */
import type { RoomApi, StoredFile, Upload, UploadOptions } from '@audimax/room';
import { act } from '@testing-library/react';
import { vi } from 'vitest';
// eslint-disable-next-line no-restricted-imports -- the very row that the room gives to plugins
import { UploadRow } from '../../../ui/room/UploadRow';
import type { Message, Page, State } from './messages';

export const CALM: State = { mode: 'everyone', slow_seconds: 0, edit_minutes: 10, silenced: false, may_attach: true, wait: 0, pinned: [] };

export function message(at: number, more: Partial<Message> = {}): Message {
  return {
    id: `m${at}`,
    at: at * 1e6,
    version: at * 1e6,
    audience: 'everyone',
    author: { identity: 'bob', name: 'Bob', is_host: false },
    text: `line ${at}`,
    is_question: false,
    answered: false,
    pinned: false,
    edited: false,
    votes: 0,
    reactions: {},
    ...more,
  };
}

export const pageOf = (messages: Message[], more: Partial<Page> = {}): Page => ({
  messages,
  more: false,
  upto: messages.at(-1)?.version ?? 0,
  state: CALM,
  ...more,
});

export const stored = (name: string, more: Partial<StoredFile> = {}): StoredFile => ({ id: `file-${name}`, name, mime: 'application/pdf', size: 1000, state: 'ready', scan: 'off', preview: false, ...more });

/** An upload that does what the test says. */
export class HandUpload implements Upload {
  state: Upload['state'] = 'waiting';
  sent = 0;
  speed = 0;
  message = '';
  file: StoredFile | null = null;
  private readonly watchers = new Set<() => void>();
  cancel = vi.fn(() => this.set({ state: 'cancelled' }));
  retry = vi.fn(() => this.set({ state: 'waiting' }));

  constructor(
    readonly name: string,
    readonly size: number,
  ) {}

  onChange(listener: () => void) {
    this.watchers.add(listener);
    return () => void this.watchers.delete(listener);
  }

  set(change: Partial<Pick<Upload, 'state' | 'sent' | 'message' | 'file'>>) {
    Object.assign(this, change);
    act(() => this.watchers.forEach((watcher) => watcher()));
  }

  arrive() {
    this.set({ state: 'done', file: stored(this.name) });
  }
}

export interface Asked {
  method: string;
  path: string;
  body?: unknown;
}

/** Answers each request with what `answer` gives; what it throws is the refusal. */
export function roomOf(answer: (asked: Asked) => unknown, { isHost = false, kept = new Map<string, unknown>() } = {}) {
  const asked: Asked[] = [];
  const ask = (method: string) =>
    vi.fn(async (path: string, body?: unknown) => {
      asked.push({ method, path, body });
      return answer({ method, path, body });
    });
  const heard = new Map<string, (payload?: unknown) => void>();
  const added = new Map<string, Record<string, unknown>>();
  const leaving = new AbortController();
  const uploads: HandUpload[] = [];
  const add = (spec: { id: string }) => {
    added.set(spec.id, spec as Record<string, unknown>);
    return () => undefined;
  };
  const room = {
    me: { isHost, identity: isHost ? 'prof' : 'ada', name: 'Ada', role: isHost ? 'host' : 'guest' },
    info: { id: 'room', title: 'Room', lectureId: 'lecture', locale: 'en' },
    lk: { localParticipant: { on: vi.fn(), off: vi.fn() } },
    signal: leaving.signal,
    api: { get: ask('GET'), post: ask('POST'), put: ask('PUT'), patch: ask('PATCH'), delete: ask('DELETE') },
    storage: {
      get: <T,>(key: string, fallback: T) => (kept.has(key) ? (structuredClone(kept.get(key)) as T) : fallback),
      set: (key: string, value: unknown) => void kept.set(key, structuredClone(value)),
    },
    on: (event: string, listener: (payload?: unknown) => void) => {
      heard.set(event, listener);
      return () => heard.delete(event);
    },
    toast: vi.fn(),
    announce: vi.fn(),
    refresh: vi.fn(),
    t: (text: string, vars: Record<string, string | number> = {}) => text.replace(/\{(\w+)\}/g, (_, name) => String(vars[name])),
    ui: { Icon: () => null, UploadRow },
    plugin: { id: 'chat', name: 'chat', config: { types: ['pdf', 'png'], largest_mb: 500 }, api: '' },
    formatSize: (bytes: number) => `${bytes} B`,
    upload: vi.fn((file: File, _options: UploadOptions) => {
      uploads.push(new HandUpload(file.name, file.size));
      return uploads.at(-1)!;
    }),
    addPanel: add,
    addSettings: () => () => undefined,
  };
  return { room: room as unknown as RoomApi, asked, heard, added, kept, leaving, uploads, said: room };
}

export const refusal = (status: number, code: string, words: string, more: object = {}) =>
  Object.assign(new Error(words), { status, code, problem: { ...more } });
