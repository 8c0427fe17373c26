/** A pretended room for work on the layout where no LiveKit runs. Loaded only when the page says so. */
import type { Participant, Room } from 'livekit-client';
import type { Me } from '../sdk';

const NAMES = ['Prof. Emmy Noether', 'Alan Turing', 'Grace Hopper', 'Katherine Johnson', 'Edsger Dijkstra', 'Barbara Liskov'];
const MORE_NAMES = ['Donald Knuth', 'Radia Perlman', 'Hedy Lamarr', 'Claude Shannon', 'Sophie Wilson', 'Ken Thompson'];

interface Internals {
  _setName(name: string): void;
  setIsSpeaking(speaking: boolean): void;
}
interface RoomInternals {
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
      participants: { count, video: true, audio: false, aspectRatios: [16 / 9] },
      publish: { video: true, audio: true, useRealTracks: true },
    }),
  );
  inside(room.localParticipant)?._setName(me.name);
  const names = [...NAMES, ...MORE_NAMES];
  [...room.remoteParticipants.values()].forEach((person, i) => inside(person)?._setName(names[i % names.length]));
  const feed = (topic: string, payload: unknown, participantIdentity = '') => {
    const bytes = new TextEncoder().encode(JSON.stringify(payload));
    const packet = { kind: 0, participantIdentity, value: { case: 'user', value: { topic, payload: bytes } } };
    (room as unknown as RoomInternals).handleDataPacket(packet, 0);
  };
  const speaking = (identity: string, on = true) => inside(room.getParticipantByIdentity(identity))?.setIsSpeaking(on);
  Object.assign(window, { sim: { room, feed, speaking } });
}
