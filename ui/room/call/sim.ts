/** A pretended room for work on the layout where no LiveKit runs. Loaded only when the page says so. */
import { RoomEvent, type Participant, type Room } from 'livekit-client';
import type { Me } from '../sdk';

const NAMES = ['Prof. Emmy Noether', 'Alan Turing', 'Grace Hopper', 'Katherine Johnson', 'Edsger Dijkstra', 'Barbara Liskov'];
const MORE_NAMES = ['Donald Knuth', 'Radia Perlman', 'Hedy Lamarr', 'Claude Shannon', 'Sophie Wilson', 'Ken Thompson'];

/** A canvas for each of five hundred cameras is more than a laptop draws. */
const MOST_CAMERAS = 60;

interface Internals {
  _setAttributes(attributes: Record<string, string>): void;
  _setName(name: string): void;
  setIsSpeaking(speaking: boolean): void;
}
interface RoomInternals {
  activeSpeakers: Participant[];
  handleDataPacket(packet: unknown, epoch: number): void;
}

// Chromium refuses `new RTCRtpReceiver()`, which simulateParticipants does: it gets a real one.
async function withReceivers(work: () => Promise<void>) {
  const original = window.RTCRtpReceiver;
  const construct = () => new RTCPeerConnection().addTransceiver('video').receiver;
  window.RTCRtpReceiver = new Proxy(original, { construct });
  await work();
  window.RTCRtpReceiver = original;
}

const inside = (participant: Participant | undefined) => participant as unknown as Internals | undefined;

export async function simulate(room: Room, count: number, me: Me) {
  await withReceivers(() =>
    room.simulateParticipants({
      participants: { count, video: count <= MOST_CAMERAS, audio: false, aspectRatios: [16 / 9] },
      publish: { video: true, audio: true, useRealTracks: true },
    }),
  );
  inside(room.localParticipant)?._setName(me.name);
  const names = [...NAMES, ...MORE_NAMES];
  const people = [...room.remoteParticipants.values()];
  people.forEach((person, i) => inside(person)?._setName(i < names.length ? names[i] : `${names[i % names.length]} ${i}`));
  inside(people[0])?._setAttributes({ role: 'host' });
  const feed = (topic: string, payload: unknown, participantIdentity = '') => {
    const bytes = new TextEncoder().encode(JSON.stringify(payload));
    const packet = { kind: 0, participantIdentity, value: { case: 'user', value: { topic, payload: bytes } } };
    (room as unknown as RoomInternals).handleDataPacket(packet, 0);
  };
  const speaking = (identity: string, on = true) => inside(room.getParticipantByIdentity(identity))?.setIsSpeaking(on);
  const talk = (...identities: string[]) => {
    const talking = identities.map((identity) => room.getParticipantByIdentity(identity)!);
    for (const person of new Set([...room.activeSpeakers, ...talking])) inside(person)?.setIsSpeaking(talking.includes(person));
    (room as unknown as RoomInternals).activeSpeakers = talking;
    room.emit(RoomEvent.ActiveSpeakersChanged, talking);
  };
  Object.assign(window, { sim: { room, feed, speaking, talk } });
}
