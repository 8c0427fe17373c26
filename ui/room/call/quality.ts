/**
 * Says how good this person's connection is, once that has lasted, and on which node the lecture runs: whoever
 * looks after the service sees it in the list of running lectures.
 */
import { ConnectionQuality, ParticipantEvent, RoomEvent, type Room } from 'livekit-client';

const LASTED_MS = 8000;
const WORDS: Partial<Record<ConnectionQuality, 'good' | 'weak' | 'lost'>> = {
  [ConnectionQuality.Excellent]: 'good',
  [ConnectionQuality.Good]: 'good',
  [ConnectionQuality.Poor]: 'weak',
  [ConnectionQuality.Lost]: 'lost',
};

export function tellQuality(room: Room, say: (quality: 'good' | 'weak' | 'lost') => void): () => void {
  // As the server takes it for granted of each new connection.
  let said = 'good';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const changed = (quality: ConnectionQuality) => {
    const words = WORDS[quality];
    clearTimeout(timer);
    if (!words || words === said) return;
    timer = setTimeout(() => {
      said = words;
      say(words);
    }, LASTED_MS);
  };
  const me = room.localParticipant.on(ParticipantEvent.ConnectionQualityChanged, changed);
  return () => {
    clearTimeout(timer);
    me.off(ParticipantEvent.ConnectionQualityChanged, changed);
  };
}

/** A node once, and again when a connection that broke has come back to another one. */
export function tellNode(room: Room, say: (node: string) => void): () => void {
  let said = '';
  const connected = () => {
    const node = room.serverInfo?.nodeId ?? '';
    if (!node || node === said) return;
    said = node;
    say(node);
  };
  const events = [RoomEvent.Connected, RoomEvent.Reconnected] as const;
  for (const event of events) room.on(event, connected);
  return () => {
    for (const event of events) room.off(event, connected);
  };
}
