/**
 * The way to the media and back to it. livekit-client mends short breaks; when it gives up, the door is
 * asked again until it lets us in or says why not.
 */
import { ConnectionState, DisconnectReason, RoomEvent, type ReconnectContext, type ReconnectPolicy, type Room } from 'livekit-client';
import type { Admission, JoinAnswer } from '../api';
import { backoff } from '../backoff';
import type { Entrance } from '../entrance';
import { t } from '../i18n';
import type { Farewell } from '../sdk';
import { Store } from '../store';

export type Trouble = 'none' | 'tcp' | 'unreachable';
export type Phase =
  | { name: 'connecting'; trouble: Trouble }
  | { name: 'connected' }
  | { name: 'reconnecting'; trouble: Trouble };

/** How the call came to its end. */
export interface Over {
  kind: 'left' | 'ended' | 'removed' | 'replaced';
  lectureId: string;
  farewell?: Farewell;
}

export function troubleWords(phase: Phase): string {
  if (phase.name === 'connected') return '';
  if (phase.trouble === 'tcp') return t('LiveKit can’t be reached directly, trying TCP…');
  if (phase.trouble === 'unreachable') {
    return navigator.onLine ? t('LiveKit can’t be reached. Trying again…') : t('You are offline. Trying again…');
  }
  return phase.name === 'connecting' ? t('Connecting…') : t('Connection lost, reconnecting…');
}

type Door = Pick<Entrance, 'askQuietly' | 'take' | 'routes'>;

export interface ConnectionParts {
  room: Room;
  admission: Admission;
  door: Door;
  /** Camera and microphone, each time the media is there. */
  publish(): Promise<void>;
  onOver(over: Over): void;
}

const MEDIA_IS_SLOW_MS = 4000;
const RECONNECT_IS_LONG_MS = 6000;
const GIVE_UP_AFTER_MS = 60_000;
const STEPS_MS = [150, 300, 600, 900, 1200, 1600];

/**
 * Shorter pauses than livekit-client's own, which grow to 7 s: a restarted server is found again
 * within 2 s. The jitter spreads a lecture hall.
 */
export const quickReconnects: ReconnectPolicy = {
  nextRetryDelayInMs({ retryCount, elapsedMs }: ReconnectContext) {
    if (elapsedMs > GIVE_UP_AFTER_MS) return null;
    const step = STEPS_MS[Math.min(retryCount, STEPS_MS.length - 1)];
    return Math.round(step * (0.75 + Math.random() / 2));
  },
};

// Not among them: CLIENT_INITIATED. livekit-client leaves by itself when the browser freezes a sleeping page,
// and who really leaves has closed this connection before.
const FINAL: Partial<Record<DisconnectReason, Over['kind']>> = {
  [DisconnectReason.DUPLICATE_IDENTITY]: 'replaced',
  [DisconnectReason.PARTICIPANT_REMOVED]: 'removed',
  [DisconnectReason.ROOM_DELETED]: 'ended',
};

export class Connection {
  readonly phase = new Store<Phase>({ name: 'connecting', trouble: 'none' });
  private admission: Admission;
  private attempting = false;
  private closed = false;
  private slow: ReturnType<typeof setTimeout> | undefined;
  private skipPause: () => void = () => undefined;
  private readonly pauses = backoff(800, 8000);
  private readonly room: Room;

  constructor(private readonly parts: ConnectionParts) {
    this.room = parts.room;
    this.admission = parts.admission;
    this.room
      .on(RoomEvent.SignalConnected, this.signalConnected)
      .on(RoomEvent.ConnectionStateChanged, this.stateChanged)
      .on(RoomEvent.Disconnected, this.disconnected);
    addEventListener('pagehide', this.sayGoodbye);
    addEventListener('online', this.hurry);
    document.addEventListener('visibilitychange', this.hurry);
  }

  async start(): Promise<void> {
    if (!(await this.attempt())) await this.rejoin();
  }

  leave() {
    this.finish('left');
  }

  /** Ends this connection without a word: the page goes elsewhere. */
  close() {
    if (this.closed) return;
    this.closed = true;
    this.skipPause();
    clearTimeout(this.slow);
    removeEventListener('pagehide', this.sayGoodbye);
    removeEventListener('online', this.hurry);
    document.removeEventListener('visibilitychange', this.hurry);
    this.room
      .off(RoomEvent.SignalConnected, this.signalConnected)
      .off(RoomEvent.ConnectionStateChanged, this.stateChanged)
      .off(RoomEvent.Disconnected, this.disconnected);
    void this.room.disconnect();
  }

  finish(kind: Over['kind']) {
    if (this.closed) return;
    this.close();
    this.parts.onOver({ kind, lectureId: this.admission.lecture_id });
  }

  private trouble(trouble: Trouble) {
    const phase = this.phase.value;
    if (phase.name !== 'connected') this.phase.set({ ...phase, trouble });
  }

  private async attempt(): Promise<boolean> {
    this.attempting = true;
    try {
      // Of five hundred cameras only those that are drawn are asked for, see receiving.ts.
      await this.room.connect(this.admission.livekit_url, this.admission.token, { autoSubscribe: false });
    } catch (error) {
      if (!this.closed) console.warn('The call could not be connected.', error);
      return false;
    } finally {
      this.attempting = false;
      clearTimeout(this.slow);
    }
    if (this.closed) return true;
    this.pauses.reset();
    this.phase.set({ name: 'connected' });
    void this.parts.publish();
    return true;
  }

  /** Asks at the door and connects, with growing pauses, until something definite comes of it. */
  private async rejoin(): Promise<void> {
    while (!this.closed) {
      this.trouble('unreachable');
      await this.pause();
      if (this.closed) return;
      const answer = await this.parts.door.askQuietly();
      if (this.closed || this.settled(answer)) return;
      if (answer.status === 'admitted' && (await this.attempt())) return;
    }
  }

  /** Whether the answer leads away from this call. */
  private settled(answer: JoinAnswer): boolean {
    if (answer.status === 'unavailable') return false;
    if (answer.status === 'not_live' || (answer.status === 'waiting' && answer.code === 'host_absent')) {
      this.parts.door.routes.leave();
      this.finish('ended');
      return true;
    }
    if (answer.status === 'admitted') return this.takeAdmission(answer);
    this.close();
    this.parts.door.take(answer);
    return true;
  }

  private takeAdmission(admission: Admission): boolean {
    if (admission.lecture_id !== this.admission.lecture_id) {
      this.finish('ended');
      return true;
    }
    const samePerson = admission.identity === this.admission.identity;
    this.admission = admission;
    if (samePerson) return false;
    this.close();
    this.parts.door.take(admission);
    return true;
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.pauses.next());
      this.skipPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private readonly sayGoodbye = () => void this.room.disconnect();

  private readonly hurry = () => {
    if (document.visibilityState === 'visible') this.skipPause();
  };

  private readonly signalConnected = () => {
    clearTimeout(this.slow);
    if (this.phase.value.name === 'connected') return;
    this.slow = setTimeout(() => this.trouble('tcp'), MEDIA_IS_SLOW_MS);
  };

  private readonly stateChanged = (state: ConnectionState) => {
    if (this.closed) return;
    if (state === ConnectionState.Connected && !this.attempting) {
      clearTimeout(this.slow);
      this.phase.set({ name: 'connected' });
    }
    const mending = state === ConnectionState.Reconnecting || state === ConnectionState.SignalReconnecting;
    if (mending && this.phase.value.name === 'connected') this.beginReconnecting();
  };

  private beginReconnecting() {
    this.phase.set({ name: 'reconnecting', trouble: 'none' });
    clearTimeout(this.slow);
    this.slow = setTimeout(() => this.trouble('unreachable'), RECONNECT_IS_LONG_MS);
  }

  private readonly disconnected = (reason?: DisconnectReason) => {
    // A failed attempt is told by its own rejection.
    if (this.closed || this.attempting) return;
    clearTimeout(this.slow);
    const kind = reason === undefined ? undefined : FINAL[reason];
    if (kind) return this.finish(kind);
    this.phase.set({ name: 'reconnecting', trouble: 'none' });
    void this.rejoin();
  };
}
