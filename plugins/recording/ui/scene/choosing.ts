/** Who is in the recording, and whose picture is shown: the same rules as those of our own recorder. */

/** Somebody who coughs doesn't get the picture: a speaker keeps it so long, in milliseconds. */
export const KEEPS_THE_PICTURE_MS = 2000;

export type Source = 'microphone' | 'screen_sound' | 'camera' | 'screen';

/** What of one person goes into the recording. */
export interface Place {
  host: boolean;
  voice: boolean;
  camera: boolean;
  screen: boolean;
}

/** Places by LiveKit identity. */
export type Places = Readonly<Record<string, Place>>;

/** A track that may be shown, or heard. */
export interface Seen {
  track: string;
  identity: string;
  source: Source;
}

/** Whoever isn't named isn't recorded: mistakes cost sound, not trust. */
export function admits(places: Places, { identity, source }: Pick<Seen, 'identity' | 'source'>): boolean {
  const place = Object.hasOwn(places, identity) ? places[identity] : undefined;
  if (!place) return false;
  switch (source) {
    case 'microphone': return place.voice === true;
    // What they play may be their own voice.
    case 'screen_sound': return place.voice === true && place.screen === true;
    case 'camera': return place.camera === true;
    case 'screen': return place.screen === true;
  }
}

export const isSound = (source: Source) => source === 'microphone' || source === 'screen_sound';

/** Knows who spoke last, and keeps the choice calm. */
export class Stage {
  private speaker: string | null = null;
  private since = -Infinity;

  /** Who speaks now, the loudest first; of them only those count who may be seen. */
  speak(identities: readonly string[], mayBeSeen: Iterable<string>, now: number): void {
    const seen = new Set(mayBeSeen);
    const speaking = identities.filter((one) => seen.has(one));
    if (this.speaker !== null && speaking.includes(this.speaker)) return;
    if (this.speaker !== null && seen.has(this.speaker) && now < this.since + KEEPS_THE_PICTURE_MS) return;
    if (speaking.length > 0) [this.speaker, this.since] = [speaking[0]!, now];
  }

  /** A shared screen (the newest) before the camera of who speaks, a host's before a guest's; the oldest come first. */
  choose(pictures: readonly Seen[], places: Places): Seen | null {
    const screens = pictures.filter((one) => one.source === 'screen');
    if (screens.length > 0) return screens.at(-1)!;
    const cameras = pictures.filter((one) => one.source === 'camera');
    const speaking = cameras.find((one) => one.identity === this.speaker);
    return speaking ?? cameras.find((one) => places[one.identity]?.host) ?? cameras[0] ?? null;
  }
}
