/** The queue as the server says it, what it means for this person, and the calls that change it. */
import type { RoomApi } from '@audimax/room';
import type { Participant } from 'livekit-client';

export interface Hand {
  identity: string;
  name?: string;
  since: number;
}
export interface Holder {
  identity: string;
  name?: string;
  camera_and_screen: boolean;
}
export interface Queue {
  at: number;
  on: boolean;
  may_react: boolean;
  hands: Hand[];
  count: number;
  floors: Holder[];
  floors_count: number;
  /** How it stands with oneself: in what was fetched, not in packets. */
  raised?: boolean;
  place?: number;
  has_floor?: boolean;
}
interface Called {
  identity: string;
  name: string;
  microphone: boolean;
}
export interface News extends Partial<Queue> {
  you?: 'called' | 'lowered';
  camera_and_screen?: boolean;
  reactions?: Record<string, number>;
}
export interface Asked {
  cameraAndScreen: boolean;
}
/** What this person has: `place` is null where the list of the packet is too short to tell. */
export interface Mine {
  raised: boolean;
  place: number | null;
  floor: boolean;
}

const QUIET: Queue = { at: 0, on: false, may_react: false, hands: [], count: 0, floors: [], floors_count: 0 };
// When the room's form may have switched the webinar, guests look again spread over some seconds, and only
// when no packet has told them meanwhile.
const LOOK_AGAIN_MS = 500;
const SPREAD_MS = 8000;

/** Whether somebody is in a list that may be cut; `was` where it can't be told. */
function isIn(list: { identity: string }[], count: number, identity: string, was: boolean): boolean {
  return list.some((one) => one.identity === identity) || (count > list.length && was);
}

export class Webinar {
  queue: Queue = QUIET;
  mine: Mine = { raised: false, place: null, floor: false };
  asked: Asked | null = null;
  hadFloor = false;
  failed = false;
  private known = false;
  private places = new Map<string, number>();
  private later: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly room: RoomApi) {}

  async fetch(): Promise<void> {
    try {
      this.take(await this.room.api.get<Queue>('/state'));
      this.failed = false;
    } catch {
      this.failed = true;
    }
    this.room.refresh();
  }

  /** Coalesced: however much happens meanwhile, it is asked once. */
  fetchSoon() {
    const wait = LOOK_AGAIN_MS + (this.room.me.isHost ? 0 : Math.random() * SPREAD_MS);
    this.later ??= setTimeout(() => {
      this.later = undefined;
      void this.fetch();
    }, wait);
  }

  stop() {
    clearTimeout(this.later);
    this.later = undefined;
  }

  hear(news: News) {
    if (news.at !== undefined) {
      this.stop();
      this.take(news as Queue);
    }
    if (news.you === 'called') this.called(news.camera_and_screen === true);
    if (news.you === 'lowered') this.room.toast(this.room.t('A host has lowered your hand.'));
    this.room.refresh();
  }

  // --- what people do ---

  async toggleHand(): Promise<void> {
    this.take(await this.room.api.post<Queue>(this.mine.raised ? '/lower' : '/raise'));
    this.room.announce(this.mine.raised ? this.placeWords() : this.room.t('Your hand is down.'));
    this.room.refresh();
  }

  placeWords(): string {
    const { place } = this.mine;
    const { t } = this.room;
    return place ? t('Your hand is raised: number {place} in the queue.', { place }) : t('Your hand is raised.');
  }

  react(emoji: string): Promise<void> {
    return this.room.api.post('/react', { emoji });
  }

  async accept(): Promise<void> {
    this.asked = null;
    this.room.refresh();
    await this.room.turnOn('microphone');
  }

  close() {
    this.asked = null;
    this.room.refresh();
  }

  // --- what hosts do ---

  async act(path: string, body: Record<string, unknown> = {}): Promise<void> {
    await this.room.api.post(path, body);
    await this.fetch();
  }

  async call(path: string, camera_and_screen: boolean): Promise<void> {
    const { room } = this;
    const called = await room.api.post<Called>(path, { camera_and_screen });
    const { name } = called;
    if (called.microphone) room.announce(room.t('{name} is asked to speak.', { name }));
    else room.toast(room.t('{name} can’t speak yet: something else silences them. Look under “Order”.', { name }));
    await this.fetch();
  }

  give(identity: string, cameraAndScreen: boolean) {
    return this.call(`/people/${identity}/give`, cameraAndScreen);
  }

  // --- what is asked of it ---

  placeOf(identity: string): number | null {
    return this.places.get(identity) ?? null;
  }

  hasFloor(identity: string): boolean {
    return this.queue.floors.some((one) => one.identity === identity);
  }

  isHere(identity: string): boolean {
    const { lk, me } = this.room;
    return identity === me.identity || lk.remoteParticipants.has(identity);
  }

  /** Those in the list who are connected now; who reloads is away for a moment and keeps the place. */
  handsHere(): Hand[] {
    return this.queue.hands.filter((hand) => this.isHere(hand.identity));
  }

  countHere(): number {
    return this.queue.count - (this.queue.hands.length - this.handsHere().length);
  }

  nameOf(one: { identity: string; name?: string }): string {
    return this.room.lk.getParticipantByIdentity(one.identity)?.name || one.name || this.room.t('Somebody');
  }

  /** Why a guest may not use a device, where the webinar is the reason. */
  explain(): string | null {
    const { t } = this.room;
    if (!this.queue.on || this.mine.floor) return null;
    if (this.hadFloor) return t('A host has taken the floor back. Raise your hand when you want to speak again.');
    return t('In this webinar guests listen and watch. Raise your hand when you want to speak.');
  }

  // --- what has changed ---

  private take(queue: Queue) {
    // Of several web workers the one with older news may be the later one.
    if (queue.at < this.queue.at) return;
    const before = { queue: this.queue, mine: this.mine };
    this.queue = queue;
    this.places = new Map(queue.hands.map((hand, index) => [hand.identity, index + 1]));
    this.mine = this.myPart(queue);
    if (!queue.on) this.hadFloor = false;
    if (this.known) this.tell(before.queue, before.mine);
    this.known = true;
  }

  private myPart(queue: Queue): Mine {
    const { identity } = this.room.me;
    const raised = queue.raised ?? isIn(queue.hands, queue.count, identity, this.mine.raised);
    const floor = queue.has_floor ?? isIn(queue.floors, queue.floors_count, identity, this.mine.floor);
    return { raised, place: queue.place ?? this.placeOf(identity), floor };
  }

  private tell(before: Queue, mine: Mine) {
    const { room } = this;
    if (room.me.isHost) return this.tellHost(before);
    if (mine.floor && !this.mine.floor) this.floorIsGone();
    else if (!before.on && this.queue.on && !this.mine.floor) room.toast(this.explain()!);
    if (this.mine.place === 1 && mine.place !== null && mine.place > 1) room.announce(room.t('You are next in the queue.'));
  }

  private tellHost(before: Queue) {
    const { t, announce } = this.room;
    const { count } = this.queue;
    if (count > before.count) announce(count === 1 ? t('1 hand is raised.') : t('{count} hands are raised.', { count }));
  }

  private floorIsGone() {
    this.asked = null;
    if (!this.queue.on) return;
    this.hadFloor = true;
    this.room.toast(this.explain()!);
  }

  private called(cameraAndScreen: boolean) {
    this.hadFloor = false;
    if (this.room.lk.localParticipant.isMicrophoneEnabled) {
      this.room.toast(this.room.t('A host gives you the floor: your microphone is on.'));
      return;
    }
    this.asked = { cameraAndScreen };
  }
}

/** Hosts speak anyway, and the assistant never does. */
export const canHaveFloor = (person: Participant): boolean =>
  !person.isLocal && !person.isAgent && person.attributes.role !== 'host';
