/** The one connection that a waiting person holds. Nothing polls: the server says when to look. */
import { backoff, type Backoff } from './backoff';

export const STREAM_EVENTS = ['WAITING', 'STARTING', 'APPROVED', 'ASKED', 'REJECTED', 'CLOSED'] as const;
export type StreamEvent = (typeof STREAM_EVENTS)[number];

export interface StreamListener {
  onEvent(name: StreamEvent, data: Record<string, unknown>): void;
  onConnected(connected: boolean): void;
  /** It couldn't be opened several times in a row: ask at the door again. */
  onLost(): void;
}

const TRIES_BEFORE_ASKING_AGAIN = 3;

export class WaitingStream {
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private closed = false;

  constructor(
    private readonly url: string,
    private readonly listener: StreamListener,
    private readonly pauses: Backoff = backoff(1000, 30_000),
  ) {
    this.open();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.source?.close();
  }

  private open() {
    const source = new EventSource(this.url);
    this.source = source;
    source.onopen = () => this.opened();
    source.onerror = () => this.failed();
    for (const name of STREAM_EVENTS) {
      source.addEventListener(name, (event) => this.receive(name, (event as MessageEvent<string>).data));
    }
  }

  private opened() {
    this.failures = 0;
    this.listener.onConnected(true);
  }

  private receive(name: StreamEvent, data: string) {
    if (this.closed) return;
    // Only a word from the server proves that the stream works; an open one may be cut at once.
    this.pauses.reset();
    this.listener.onEvent(name, parsed(data));
  }

  // EventSource would come back by itself, but everybody after the same pause, and never after a 503.
  private failed() {
    this.source?.close();
    if (this.closed) return;
    this.listener.onConnected(false);
    this.failures += 1;
    const next = this.failures < TRIES_BEFORE_ASKING_AGAIN ? () => this.open() : () => this.giveUp();
    this.timer = setTimeout(next, this.pauses.next());
  }

  private giveUp() {
    this.close();
    this.listener.onLost();
  }
}

function parsed(data: string): Record<string, unknown> {
  try {
    return (JSON.parse(data) as Record<string, unknown>) ?? {};
  } catch {
    return {};
  }
}
