/** A pretended hall: a room with as many people as a test wants, without a server. */
import { EventEmitter } from 'node:events';
import { Participant, RoomEvent, type Room } from 'livekit-client';
import type { ReactNode } from 'react';
import { CallContext, type CallParts } from '../call/context';
import { Crowd } from '../call/crowd';
import { Registry } from '../registry';
import { ViewStore } from '../call/view';

export interface Who {
  name: string;
  host?: boolean;
  joined?: number;
}

export function person({ name, host, joined = 0 }: Who, identity = name): Participant {
  const made = new Participant(`sid-${identity}`, identity, name, '', host ? { role: 'host' } : {});
  Object.defineProperty(made, 'joinedAt', { value: new Date(joined) });
  return made;
}

export class Hall extends EventEmitter {
  readonly remoteParticipants = new Map<string, Participant>();
  readonly localParticipant: Participant;
  activeSpeakers: Participant[] = [];

  constructor(people: readonly Who[]) {
    super();
    this.setMaxListeners(0);
    this.localParticipant = person({ name: 'Me' }, 'me');
    Object.defineProperty(this.localParticipant, 'isLocal', { value: true });
    for (const who of people) this.remoteParticipants.set(who.name, person(who));
  }

  come(who: Who) {
    const made = person(who);
    this.remoteParticipants.set(who.name, made);
    this.emit(RoomEvent.ParticipantConnected, made);
  }

  go(name: string) {
    const gone = this.remoteParticipants.get(name);
    this.remoteParticipants.delete(name);
    this.emit(RoomEvent.ParticipantDisconnected, gone);
  }

  talk(...names: string[]) {
    const talking = names.map((name) => this.remoteParticipants.get(name) ?? this.localParticipant);
    for (const participant of new Set([...this.activeSpeakers, ...talking])) participant.setIsSpeaking(talking.includes(participant));
    this.activeSpeakers = talking;
    this.emit(RoomEvent.ActiveSpeakersChanged, talking);
  }

  get asRoom(): Room {
    return this as unknown as Room;
  }
}

export const students = (count: number): Who[] =>
  Array.from({ length: count }, (_, i) => ({ name: `Student ${String(i).padStart(3, '0')}`, joined: i }));

export function callIn(hall: Hall, change: Partial<CallParts> = {}): CallParts {
  const registry = new Registry();
  const host = { registry, me: { identity: 'me', isHost: true }, run: (_plugin: string, work: () => unknown) => void work() };
  const made = { room: hall.asRoom, crowd: new Crowd(hall.asRoom), host, view: new ViewStore(), ...change };
  return made as unknown as CallParts;
}

export function InCall({ call, children }: { call: CallParts; children: ReactNode }) {
  return <CallContext.Provider value={call}>{children}</CallContext.Provider>;
}

/** jsdom lays nothing out and has no popovers: rows are as high as they are, and what scrolls shows ten of them. */
export function withHeights(row = 48, sight = 480) {
  const heightOf = (element: Element) => (element.matches('.people-scroll') ? sight : row);
  Object.defineProperties(HTMLElement.prototype, {
    offsetHeight: { configurable: true, get(this: HTMLElement) { return heightOf(this); } },
    clientHeight: { configurable: true, get(this: HTMLElement) { return heightOf(this); } },
    offsetWidth: { configurable: true, get: () => 320 },
    clientWidth: { configurable: true, get: () => 320 },
  });
  HTMLElement.prototype.hidePopover = () => undefined;
  HTMLElement.prototype.scrollTo = function scrollTo(this: HTMLElement, to?: ScrollToOptions | number) {
    this.scrollTop = typeof to === 'object' ? (to.top ?? 0) : 0;
    this.dispatchEvent(new Event('scroll'));
  } as typeof HTMLElement.prototype.scrollTo;
}
