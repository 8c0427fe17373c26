/** The picture and the sound that Egress records, made of the tracks of a room that the server admits. */
import { Room, RoomEvent, Track, type Participant, type RemoteParticipant, type RemoteTrack, type RemoteTrackPublication } from 'livekit-client';
import { admits, isSound, Stage, type Places, type Seen, type Source } from './choosing';
import { Desk, type Orders, type Report } from './orders';
import { Unheard } from './unheard';

/** The topic of what the server tells the room of a recording. */
const TOPIC = 'recording';
const LOOK_EVERY_MS = 500;
const SOURCES: Partial<Record<Track.Source, Source>> = {
  [Track.Source.Microphone]: 'microphone',
  [Track.Source.ScreenShareAudio]: 'screen_sound',
  [Track.Source.Camera]: 'camera',
  [Track.Source.ScreenShare]: 'screen',
};
const CHANGES = [
  RoomEvent.ParticipantDisconnected, RoomEvent.TrackUnpublished, RoomEvent.TrackSubscribed, RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted, RoomEvent.TrackUnmuted,
] as const;
/** Whoever has just come is in no answer yet, and so in no recording. */
const NEWS = [RoomEvent.ParticipantConnected, RoomEvent.TrackPublished] as const;

interface Found extends Seen {
  publication: RemoteTrackPublication;
}

/** Where it is shown. */
export interface Screen {
  video: HTMLVideoElement;
  card: HTMLElement;
  sounds: HTMLElement;
}

export interface Errand {
  url: string;
  token: string;
  report: string;
  run: string;
}

export class Scene {
  readonly room = new Room({ adaptiveStream: false, dynacast: false });
  private readonly desk: Desk;
  private readonly stage = new Stage();
  private readonly unheard = new Unheard();
  private readonly sounding = new Map<string, { track: RemoteTrack; element: HTMLMediaElement }>();
  /** Tracks in the order in which they were first seen. */
  private readonly order = new Map<string, number>();
  private shown: { sid: string; track: RemoteTrack } | null = null;
  private speaking: string[] = [];
  private beginsAt: number | null = null;
  private startedAt: number | null = null;
  private isOver = false;
  private isIn = false;
  private beat: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly at: Screen,
    private readonly errand: Errand,
    private readonly signal: (word: 'START_RECORDING' | 'END_RECORDING') => void,
  ) {
    this.desk = new Desk(errand.report, errand.run, errand.token, () => this.said(), (orders) => this.obey(orders));
  }

  async open(): Promise<void> {
    for (const event of CHANGES) this.room.on(event, () => this.sync());
    for (const event of NEWS) this.room.on(event, () => void this.desk.ask());
    this.room.on(RoomEvent.ActiveSpeakersChanged, (people) => this.hear(people));
    this.room.on(RoomEvent.DataReceived, (bytes, from, _kind, topic) => this.read(bytes, from, topic));
    this.room.on(RoomEvent.Disconnected, () => this.end());
    this.beat = setInterval(() => this.sync(), LOOK_EVERY_MS);
    void this.desk.ask();
    try {
      await this.room.connect(this.errand.url, this.errand.token, { autoSubscribe: false });
    } catch (error) {
      this.end();
      throw error;
    }
    this.isIn = true;
    this.sync();
  }

  /** What is recorded comes to its end; nothing is shown or heard from now on. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.desk.close();
    clearInterval(this.beat);
    this.silence();
    this.signal('END_RECORDING');
    void this.room.disconnect();
  }

  // --- what the server wants ---

  private obey(orders: Orders): void {
    if (this.isOver) return;
    if (orders.leave) return this.end();
    this.beginsAt = orders.beginsAt;
    this.sync();
  }

  private read(bytes: Uint8Array, from: unknown, topic: string | undefined): void {
    // What the server itself sends has no sender; people could send anything.
    if (from !== undefined || topic !== TOPIC) return;
    if (stops(bytes)) {
      this.end();
      return;
    }
    void this.desk.ask();
  }

  private said(): Report {
    const now = this.desk.now();
    const { startedAt } = this;
    return {
      state: startedAt === null ? 'starting' : 'recording',
      seconds: startedAt === null ? 0 : Math.max(0, (Date.now() - startedAt) / 1000),
      unheard: this.unheard.turns(now),
    };
  }

  private begin(): void {
    if (this.startedAt !== null || this.beginsAt === null || !this.isIn || Date.now() < this.beginsAt) return;
    this.startedAt = Date.now();
    this.signal('START_RECORDING');
    void this.desk.ask();
  }

  // --- in line with the room and the server ---

  private hear(people: readonly Participant[]): void {
    this.speaking = people.map((one) => one.identity);
    this.sync();
  }

  /** Receive what is to be received, and nothing else. Called after every change of anything. */
  sync(): void {
    if (this.isOver) return;
    const { places } = this.desk;
    const found = this.found();
    const admitted = found.filter((one) => admits(places, one));
    const chosen = this.choose(admitted, places);
    this.show(admitted, chosen);
    for (const one of found) this.receive(one, admitted.includes(one) && this.isWanted(one, chosen));
    this.sound(admitted.filter((one) => isSound(one.source)));
    const isSilenced = found.some((one) => one.source === 'microphone' && !one.publication.isMuted && !admitted.includes(one));
    this.unheard.hear(this.startedAt !== null && isSilenced, this.desk.now());
    this.begin();
  }

  private found(): Found[] {
    const all: Found[] = [];
    for (const person of this.room.remoteParticipants.values()) all.push(...this.of(person));
    for (const { track } of all) if (!this.order.has(track)) this.order.set(track, this.order.size);
    return all.sort((one, other) => this.order.get(one.track)! - this.order.get(other.track)!);
  }

  private *of(person: RemoteParticipant): Iterable<Found> {
    for (const publication of person.trackPublications.values()) {
      const source = SOURCES[publication.source];
      if (source) yield { track: publication.trackSid, identity: person.identity, source, publication };
    }
  }

  private choose(admitted: readonly Found[], places: Places): Found | null {
    const pictures = admitted.filter((one) => !isSound(one.source) && !one.publication.isMuted);
    const faces = pictures.filter((one) => one.source === 'camera').map((one) => one.identity);
    this.stage.speak(this.speaking, faces, Date.now());
    const chosen = this.stage.choose(pictures, places);
    return chosen && pictures.find((one) => one.track === chosen.track)!;
  }

  private isWanted(one: Found, chosen: Found | null): boolean {
    // The last picture stays until the next one has come.
    return isSound(one.source) || one.track === chosen?.track || one.track === this.shown?.sid;
  }

  private receive({ publication }: Found, isWanted: boolean): void {
    if (publication.isDesired !== isWanted) publication.setSubscribed(isWanted);
  }

  private show(admitted: readonly Found[], chosen: Found | null): void {
    const next = chosen?.publication.videoTrack as RemoteTrack | undefined;
    const isGone = this.shown && !admitted.some((one) => one.track === this.shown!.sid && !one.publication.isMuted);
    if (this.shown && (isGone || !chosen || (next && next !== this.shown.track))) {
      this.shown.track.detach(this.at.video);
      this.shown = null;
    }
    if (chosen && next && !this.shown) {
      next.attach(this.at.video);
      this.shown = { sid: chosen.track, track: next };
    }
    this.at.video.hidden = !this.shown;
    this.at.card.hidden = Boolean(this.shown);
    this.at.video.dataset.identity = this.shown && chosen ? chosen.identity : '';
    this.at.video.dataset.source = this.shown && chosen ? chosen.source : '';
  }

  private sound(admitted: readonly Found[]): void {
    const tracks = new Map<string, [RemoteTrack, string]>();
    for (const { publication, track, identity } of admitted) if (publication.audioTrack) tracks.set(track, [publication.audioTrack as RemoteTrack, identity]);
    for (const [sid, one] of this.sounding) if (tracks.get(sid)?.[0] !== one.track) this.mute(sid);
    for (const [sid, [track, identity]] of tracks) {
      if (this.sounding.has(sid)) continue;
      const element = track.attach();
      element.dataset.identity = identity;
      this.at.sounds.append(element);
      this.sounding.set(sid, { track, element });
    }
  }

  private mute(sid: string): void {
    const { track, element } = this.sounding.get(sid)!;
    track.detach(element);
    element.remove();
    this.sounding.delete(sid);
  }

  private silence(): void {
    for (const sid of [...this.sounding.keys()]) this.mute(sid);
    this.shown?.track.detach(this.at.video);
    this.shown = null;
    this.at.video.hidden = true;
    this.at.card.hidden = false;
  }
}

/** Whether a packet of the server says that nothing is to be kept from now on. */
function stops(bytes: Uint8Array): boolean {
  try {
    const { wish } = JSON.parse(new TextDecoder().decode(bytes)) as { wish?: string };
    return wish === 'paused' || wish === 'off';
  } catch {
    return false;
  }
}
