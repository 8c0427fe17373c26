/** Everybody in the room, watched once for all parts that show many. News comes in batches. */
import { RoomEvent, type Participant, type Room } from 'livekit-client';
import { Store } from '../store';

const BATCH_MS = 250;
/** Who pauses between two sentences still talks. */
export const LINGER_MS = 4000;

const WHO_IS_HERE = [
  RoomEvent.Connected,
  RoomEvent.ConnectionStateChanged,
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.ParticipantNameChanged,
  RoomEvent.ParticipantAttributesChanged,
] as const;
const WHAT_THEY_SEND = [
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.LocalTrackPublished,
  RoomEvent.LocalTrackUnpublished,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
] as const;

export const isHost = (participant: Participant) => participant.attributes?.role === 'host';

/** Calls `work` soon, and not again before the pause is over. */
class Batch {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = 0;

  constructor(private readonly work: () => void) {}

  readonly ask = () => {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(this.run, Math.max(0, this.last + BATCH_MS - Date.now()));
  };

  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private readonly run = () => {
    this.timer = undefined;
    this.last = Date.now();
    this.work();
  };
}

export class Crowd {
  /** All, oneself first; a new list whenever somebody came, left or is called otherwise. */
  readonly people: Store<readonly Participant[]>;
  /** Who talks or did a moment ago, in the order in which they began. */
  readonly talking = new Store<readonly Participant[]>([]);
  /** Counts up when somebody began or stopped to send something. */
  readonly sending = new Store(0);
  private readonly heard = new Map<string, number>();
  private linger: ReturnType<typeof setTimeout> | undefined;
  private readonly batches: Batch[];

  constructor(private readonly room: Room) {
    this.people = new Store<readonly Participant[]>(this.everybody());
    const people = new Batch(() => this.people.set(this.everybody()));
    const sending = new Batch(() => this.sending.set(this.sending.value + 1));
    this.batches = [people, sending];
    for (const event of WHO_IS_HERE) room.on(event, people.ask);
    for (const event of WHAT_THEY_SEND) room.on(event, sending.ask);
    room.on(RoomEvent.ActiveSpeakersChanged, this.listen);
  }

  close() {
    clearTimeout(this.linger);
    this.batches.forEach((batch) => batch.stop());
  }

  private everybody(): Participant[] {
    const { localParticipant, remoteParticipants } = this.room;
    return [localParticipant, ...remoteParticipants.values()].filter(Boolean);
  }

  private readonly listen = () => {
    clearTimeout(this.linger);
    const now = Date.now();
    const speaking = this.room.activeSpeakers.filter((participant) => !participant.isAgent);
    for (const { identity } of speaking) this.heard.set(identity, now);
    for (const [identity, at] of this.heard) if (now - at >= LINGER_MS) this.heard.delete(identity);
    this.tell(speaking);
    if (this.heard.size) this.linger = setTimeout(this.listen, LINGER_MS / 4);
  };

  private tell(speaking: readonly Participant[]) {
    const before = this.talking.value;
    const stay = before.filter((participant) => this.heard.has(participant.identity) && this.isHere(participant));
    const fresh = speaking.filter((participant) => !before.includes(participant));
    if (fresh.length || stay.length !== before.length) this.talking.set([...stay, ...fresh]);
  }

  private isHere(participant: Participant): boolean {
    return participant.isLocal || this.room.remoteParticipants.has(participant.identity);
  }
}
