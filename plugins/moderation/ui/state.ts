/** What the room's order is right now, as the server says, and the calls that change it. */
import type { RoomApi } from '@audimax/room';
import type { Participant } from 'livekit-client';

export interface Ban {
  id: string;
  name: string;
  reason: string;
  at: string;
  by: string;
  session: boolean;
  account: boolean;
  same_browser: string[];
  same_network: string[];
}
export interface Newcomer {
  id: string;
  name: string;
  since: string;
}
export interface Match {
  session: boolean;
  account: boolean;
  same_browser: string[];
  same_network: string[];
}
export interface Asking {
  what: 'remove' | 'ban';
  person: Participant;
  match: Match | null;
}
export interface Order {
  locked: boolean;
  panic: boolean;
  chat_frozen: boolean;
  muted: string[];
  /** Hosts whom this host may mute. */
  co_hosts: string[];
}
export type Source = 'microphone' | 'camera' | 'screen';
const CALM: Order = { locked: false, panic: false, chat_frozen: false, muted: [], co_hosts: [] };

export class Desk {
  order: Order = CALM;
  bans: Ban[] = [];
  newcomers: Newcomer[] = [];
  asking: Asking | null = null;
  failed = false;

  constructor(readonly room: RoomApi) {}

  /** The whole state anew: packets only say that something has changed. */
  async fetch(): Promise<void> {
    const { api, me } = this.room;
    try {
      this.order = await api.get<Order>('/state');
      if (me.isHost) {
        this.bans = (await api.get<{ bans: Ban[] }>('/bans')).bans;
        this.newcomers = (await api.get<{ newcomers: Newcomer[] }>('/newcomers')).newcomers;
      }
      this.failed = false;
    } catch {
      this.failed = true;
    }
    this.room.refresh();
  }

  /** What a packet has told everybody. */
  hear(panic: boolean) {
    this.order = { ...this.order, panic };
    this.room.refresh();
  }

  /** One action of a host; its refusal is shown by the room. */
  async act(path: string, body: Record<string, unknown> = { reason: '' }): Promise<void> {
    await this.room.api.post(path, body);
    await this.fetch();
  }

  take(person: Participant, source: Source, left: boolean) {
    return this.act(`/people/${person.identity}/take`, { [source]: left, reason: '' });
  }

  panic(on: boolean, chat = false) {
    return this.act('/panic', { on, chat });
  }

  lock(on: boolean) {
    return this.act('/lock', { on });
  }

  async unban(ban: Ban): Promise<void> {
    await this.room.api.delete(`/bans/${ban.id}`);
    await this.fetch();
  }

  async ask(what: Asking['what'], person: Participant): Promise<void> {
    const match = what === 'ban' ? await this.room.api.get<Match>(`/people/${person.identity}/match`) : null;
    this.asking = { what, person, match };
    this.room.refresh();
  }

  mayMute(person: Participant): boolean {
    return canBeModerated(person) || this.order.co_hosts.includes(person.identity);
  }

  close() {
    this.asking = null;
    this.room.refresh();
  }
}

/** Hosts and the assistant are nobody's to put out. */
export const canBeModerated = (person: Participant): boolean =>
  !person.isLocal && !person.isAgent && person.attributes.role !== 'host';
