/**
 * Hands messages of the room to plugins. Believed is only what the server or the agent says: a packet
 * of a participant is dropped here. LiveKit allows one handler per text-stream topic and throws on the
 * second, so all of them are registered here.
 */
import {
  RoomEvent,
  type ConnectionState,
  type Participant,
  type RemoteParticipant,
  type Room,
  type TextStreamReader,
} from 'livekit-client';
import type { DataMeta, Dispose, TextEvent } from '../sdk';

type Listener = (...args: never[]) => void;

/** Whose words these are; null when they are nobody's that we believe. */
function senderOf(participant: Participant | undefined, identity: string | undefined): DataMeta['from'] | null {
  if (participant?.isAgent) return 'agent';
  // A person whom we don't know yet has no participant either, but an identity.
  return !participant && !identity ? 'server' : null;
}

function parse(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// The topic of what the server itself tells, whatever plugins there are.
const ROOM = 'room';
const topicOf = (event: string) => event.slice('text:'.length);

export class Bus {
  private readonly listeners = new Map<string, Set<Listener>>();

  constructor(
    private readonly room: Room,
    private readonly onError: (error: unknown) => void,
  ) {
    room.on(RoomEvent.DataReceived, this.receive);
    room.on(RoomEvent.ParticipantAttributesChanged, (changed, who) => this.emit('attributes', changed, who));
    room.on(RoomEvent.ParticipantConnected, (who) => this.emit('joined', who));
    room.on(RoomEvent.ParticipantDisconnected, (who) => this.emit('left', who));
    room.on(RoomEvent.ConnectionStateChanged, this.connection);
  }

  on(event: string, listener: Listener): Dispose {
    const known = this.listeners.get(event) ?? this.begin(event);
    known.add(listener);
    return () => {
      if (known.delete(listener) && !known.size) this.end(event, known);
    };
  }

  emit(event: string, ...args: unknown[]) {
    for (const listener of [...(this.listeners.get(event) ?? [])]) {
      try {
        (listener as (...args: unknown[]) => void)(...args);
      } catch (error) {
        this.onError(error);
      }
    }
  }

  private begin(event: string): Set<Listener> {
    const fresh = new Set<Listener>();
    this.listeners.set(event, fresh);
    if (event.startsWith('text:')) {
      this.room.registerTextStreamHandler(topicOf(event), (reader, from) => void this.read(event, reader, from.identity));
    }
    return fresh;
  }

  private end(event: string, known: Set<Listener>) {
    if (this.listeners.get(event) !== known) return;
    this.listeners.delete(event);
    if (event.startsWith('text:')) this.room.unregisterTextStreamHandler(topicOf(event));
  }

  private readonly receive = (
    bytes: Uint8Array,
    participant?: RemoteParticipant,
    _kind?: unknown,
    topic = '',
    _encryption?: unknown,
    identity?: string,
  ) => {
    const from = senderOf(participant, identity);
    if (from === 'server' && topic === ROOM) this.emit('settings');
    if (!from || !this.listeners.has(`data:${topic}`)) return;
    this.emit(`data:${topic}`, parse(bytes), { topic, from } satisfies DataMeta);
  };

  private readonly connection = (state: ConnectionState) => {
    this.emit('connection', state === 'signalReconnecting' ? 'reconnecting' : state);
    if (state === 'connected') this.emit('connected');
  };

  private async read(event: string, reader: TextStreamReader, from: string) {
    if (!this.room.getParticipantByIdentity(from)?.isAgent) return;
    const { info } = reader;
    let text = '';
    const tell = (chunk: string, closed: boolean) => {
      const attributes = { ...info.attributes };
      this.emit(event, { text, chunk, closed, streamId: info.id, from, attributes, timestamp: info.timestamp } satisfies TextEvent);
    };
    try {
      for await (const chunk of reader) {
        text += chunk;
        tell(chunk, false);
      }
      tell('', true);
    } catch (error) {
      this.onError(error);
    }
  }
}
