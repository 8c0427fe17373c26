/** Who comes and goes, told in bundles. */
import { useEffect } from 'react';
import { ConnectionState, RoomEvent, type Participant, type Room } from 'livekit-client';
import { language, t, tn } from '../i18n';
import { toast } from '../notices';
import { remember, remembered } from '../storage';
import { Store } from '../store';
import { useCall } from './context';
import { nameOf } from './names';

/** When to tell: in small rooms, always or never. In a hall it would never stop. */
export type Telling = 'small' | 'always' | 'never';

export const SMALL_ROOM = 20;
const BUNDLE_MS = 3000;
const BUNDLE_IN_A_HALL_MS = 10_000;
const MOST_NAMED = 2;
const KEY = 'audimax:coming-and-going';

export const telling = new Store<Telling>(remembered<Telling>(KEY, 'small'));

export function tellWhen(when: Telling) {
  telling.set(when);
  remember(KEY, when);
}

const listed = (names: readonly string[]) => new Intl.ListFormat(language(), { type: 'conjunction' }).format(names);

function joinedWords(names: readonly string[]): string {
  const others = names.length - 1;
  if (names.length === 1) return t('{name} has joined.', { name: names[0] });
  if (names.length <= MOST_NAMED) return t('{names} have joined.', { names: listed(names) });
  return tn('{name} and {count} other have joined.', '{name} and {count} others have joined.', others, { name: names[0] });
}

function leftWords(names: readonly string[]): string {
  const others = names.length - 1;
  if (names.length === 1) return t('{name} has left.', { name: names[0] });
  if (names.length <= MOST_NAMED) return t('{names} have left.', { names: listed(names) });
  return tn('{name} and {count} other have left.', '{name} and {count} others have left.', others, { name: names[0] });
}

export class Doorkeeper {
  private readonly came = new Map<string, string>();
  private readonly went = new Map<string, string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly room: Room) {
    room.on(RoomEvent.ParticipantConnected, this.comes).on(RoomEvent.ParticipantDisconnected, this.goes);
  }

  close() {
    clearTimeout(this.timer);
    this.room.off(RoomEvent.ParticipantConnected, this.comes).off(RoomEvent.ParticipantDisconnected, this.goes);
  }

  private isSmall(): boolean {
    return this.room.remoteParticipants.size < SMALL_ROOM;
  }

  // While one's own connection is away, everybody seems to go and to come again.
  private concerns(who: Participant): boolean {
    const tells = telling.value === 'always' || (telling.value === 'small' && this.isSmall());
    return tells && !who.isAgent && this.room.state === ConnectionState.Connected;
  }

  private readonly comes = (who: Participant) => this.note(who, this.came, this.went);
  private readonly goes = (who: Participant) => this.note(who, this.went, this.came);

  private note(who: Participant, into: Map<string, string>, opposite: Map<string, string>) {
    if (!this.concerns(who)) return;
    // Gone and back within one bundle is no news.
    if (!opposite.delete(who.identity)) into.set(who.identity, nameOf(who));
    this.timer ??= setTimeout(this.tell, this.isSmall() ? BUNDLE_MS : BUNDLE_IN_A_HALL_MS);
  }

  private readonly tell = () => {
    this.timer = undefined;
    const [came, went] = [[...this.came.values()], [...this.went.values()]];
    this.came.clear();
    this.went.clear();
    if (came.length) toast(joinedWords(came));
    if (went.length) toast(leftWords(went));
  };
}

export function useComingAndGoing() {
  const { room } = useCall();
  useEffect(() => {
    const keeper = new Doorkeeper(room);
    return () => keeper.close();
  }, [room]);
}
