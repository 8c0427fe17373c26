/** A server in hand for the review: answers as the real one does, and a stream that says what the test says. */
import type { PageApi } from '@audimax/page';
import { vi } from 'vitest';
import type { Line, Review } from './desk';
import type { Summary } from './summary';

export const SUMMARY: Summary = {
  overview: [
    { text: 'Eigenvalues were explained.', cites: [1, 2] },
    { text: 'The exam is in June.', cites: [3] },
  ],
  topics: [{ title: 'Eigenvectors', at: 9, text: [{ text: 'They keep their direction.', cites: [2] }] }],
  actions: [{ who: 'Ben', what: 'Hand in sheet three', until: 'Friday', cites: [3] }],
  questions: [{ question: 'Why?', answer: 'Because.', cites: [2] }],
  is_draft: false,
};

export const line = (number: number, text: string, more: Partial<Line> = {}): Line => ({ id: `key-${number}`, number, identity: 'a', name: 'Ada', at: number * 5, text, edited: false, gap: false, ...more });

export class FakeSource extends EventTarget {
  static made: FakeSource[] = [];
  isClosed = false;
  constructor(readonly url: string) {
    super();
    FakeSource.made.push(this);
  }
  close() {
    this.isClosed = true;
  }
  static say(name: string) {
    FakeSource.made.at(-1)!.dispatchEvent(new Event(name));
  }
}

const refusal = (status: number, message: string) => Object.assign(new Error(message), { status });

/** Keeps one review; `change` is what somebody else does. */
export class FakeServer {
  review: Review = {
    state: 'done',
    why: '',
    can_retry: false,
    is_draft: false,
    model: 'gpt',
    approved: false,
    hidden: false,
    readers: 'approved',
    edited: false,
    summary: SUMMARY,
    generated: SUMMARY,
    version: 3,
    models: ['gpt', 'other'],
    lines: 3,
    usage: { seconds: 5400, tokens_in: 1000, tokens_out: 200, cost: 0.5 },
  };
  lines = [line(1, 'We look at eigenvalues.'), line(2, 'A vector keeps its direction.'), line(3, 'The exam is in June, Forier.')];
  asked: [string, string, unknown][] = [];
  isDown = false;

  change(more: Partial<Review>) {
    this.review = { ...this.review, ...more, version: this.review.version + 1 };
    return this.review;
  }

  answer = (method: string, path: string, body?: unknown): Promise<unknown> => {
    this.asked.push([method, path, body]);
    if (this.isDown) return Promise.reject(refusal(503, 'The server is away.'));
    return new Promise((resolve) => resolve(structuredClone(this.made(method, path, body as Record<string, unknown>))));
  };

  private made(method: string, path: string, body: Record<string, unknown>): unknown {
    const [, what, which] = path.split(/[/?]/);
    if (what === 'transcript' && method === 'GET') return { lines: this.lines, next: null };
    if (what === 'transcript') return Object.assign(this.lines.find((one) => one.id === which)!, { text: body.text, edited: true });
    if (what === 'correct') return { lines: 1, places: 0, samples: ['The exam is in June, Fourier.'] };
    if (method === 'GET') return this.review;
    if (method === 'PUT') {
      if (body.version !== this.review.version) throw refusal(409, 'Somebody else has changed the summary meanwhile.');
      return this.change({ summary: body.summary as Summary, edited: true });
    }
    if (which === 'approve') return this.change({ approved: body.on as boolean });
    if (which === 'hide') return this.change({ hidden: body.on as boolean });
    if (which === 'take_new') return this.change({ edited: false, summary: this.review.generated });
    return this.change({ state: 'summarizing' });
  }
}

export function pageOf(server: FakeServer) {
  const fill = (text: string, vars: Record<string, unknown> = {}) => text.replace(/\{(\w+)\}/g, (_, name: string) => String(vars[name]));
  return {
    api: {
      get: vi.fn((path: string) => server.answer('GET', path)),
      post: vi.fn((path: string, body?: unknown) => server.answer('POST', path, body)),
      put: vi.fn((path: string, body?: unknown) => server.answer('PUT', path, body)),
      patch: vi.fn((path: string, body?: unknown) => server.answer('PATCH', path, body)),
      delete: vi.fn(),
    },
    plugin: { id: 'ai_assistant', name: 'ai_assistant', config: { lecture: { id: 'lec' }, icons: '/icons.svg', locale: 'en' }, api: '/api/lectures/lec/ai_assistant' },
    signal: new AbortController().signal,
    storage: { get: (_: string, fallback: unknown) => fallback, set: vi.fn() },
    toast: vi.fn(),
    announce: vi.fn(),
    t: fill,
  } as unknown as PageApi;
}
