/** Which tiles there are, and in which order: who sends or talks is on the first page, and nobody jumps about. */
import type { TrackReferenceOrPlaceholder } from '@livekit/components-react';
import { Track, type Participant } from 'livekit-client';
import { isHost } from './crowd';

type Tile = TrackReferenceOrPlaceholder;

const made = new WeakMap<Participant, Map<Track.Source, Tile>>();

/** The same object for the same picture, so that a tile is drawn anew only when there is something new. */
function tileOf(participant: Participant, source: Track.Source): Tile {
  const publication = participant.getTrackPublication(source);
  const known = made.get(participant) ?? new Map<Track.Source, Tile>();
  made.set(participant, known);
  const before = known.get(source);
  if (before && before.publication === publication) return before;
  const tile: Tile = publication ? { participant, source, publication } : { participant, source };
  known.set(source, tile);
  return tile;
}

/** A camera of everybody, also of those who send none, and each shared screen. */
export function tilesOf(people: readonly Participant[]): Tile[] {
  // An agent has no face; the list of people shows it.
  const faces = people.filter((participant) => !participant.isAgent);
  const screens = faces.filter((participant) => participant.getTrackPublication(Track.Source.ScreenShare));
  return [
    ...faces.map((participant) => tileOf(participant, Track.Source.Camera)),
    ...screens.map((participant) => tileOf(participant, Track.Source.ScreenShare)),
  ];
}

/** How much a tile belongs on the first page. */
export function worthOf(tile: Tile, talking: readonly Participant[]): number {
  const { participant, source, publication } = tile;
  if (source === Track.Source.ScreenShare) return 16;
  if (participant.isLocal) return 8;
  const sends = publication !== undefined && !publication.isMuted;
  return (talking.includes(participant) ? 4 : 0) + (sends ? 2 : 0) + (isHost(participant) ? 1 : 0);
}

/**
 * The order of before, with the gaps on the first page filled, who is new at the end, and who belongs on the first
 * page changing places with whoever belongs there least.
 */
export function arranged(before: readonly string[], worth: ReadonlyMap<string, number>, first: number): string[] {
  const known = new Set(before);
  const fresh = [...worth.keys()].filter((key) => !known.has(key));
  const front: (string | null)[] = before.slice(0, first).map((key) => (worth.has(key) ? key : null));
  const behind = [...before.slice(first).filter((key) => worth.has(key)), ...fresh];
  while (front.length < first) front.push(null);
  const rest = fillGaps(front, behind, worth);
  return bringForward(front.filter((key) => key !== null), rest, worth);
}

const best = (keys: readonly string[], worth: ReadonlyMap<string, number>) =>
  keys.reduce((found, key, i) => (found < 0 || worth.get(key)! > worth.get(keys[found])! ? i : found), -1);

function fillGaps(front: (string | null)[], behind: string[], worth: ReadonlyMap<string, number>): string[] {
  const rest = [...behind];
  for (const [place, key] of front.entries()) {
    if (key !== null || !rest.length) continue;
    [front[place]] = rest.splice(best(rest, worth), 1);
  }
  return rest;
}

function bringForward(front: string[], rest: string[], worth: ReadonlyMap<string, number>): string[] {
  const value = (key: string) => worth.get(key)!;
  for (;;) {
    const coming = best(rest, worth);
    const going = front.reduce((found, key, i) => (found < 0 || value(key) <= value(front[found]) ? i : found), -1);
    if (coming < 0 || going < 0 || value(rest[coming]) <= value(front[going])) return [...front, ...rest];
    [front[going], rest[coming]] = [rest[coming], front[going]];
  }
}
