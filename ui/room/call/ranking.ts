/** In which order people are listed, and who is found by a search. */
import type { Participant } from 'livekit-client';
import { language } from '../i18n';
import type { Registry } from '../registry';
import { isHost } from './crowd';
import { nameOf } from './names';

export type Sorting = 'first' | 'name' | 'latest';

export function byName(people: readonly Participant[]): Participant[] {
  const { compare } = new Intl.Collator(language(), { sensitivity: 'base', numeric: true });
  return [...people].sort((a, b) => compare(nameOf(a), nameOf(b)));
}

const NOT_RANKED = 1e9;

/** What plugins say comes before what the room itself knows; the first plugin with an opinion decides. */
function rankBy(registry: Registry): (participant: Participant) => [number, number] {
  const ranks = registry.list('peopleRank');
  return (participant) => {
    for (const [place, { plugin, rank }] of ranks.entries()) {
      const given = registry.safe(plugin, () => rank(participant), null);
      if (typeof given === 'number' && !Number.isNaN(given)) return [place, given];
    }
    return [NOT_RANKED, 0];
  };
}

interface Known {
  registry: Registry;
  talking: readonly Participant[];
}

/** Hands and whatever else plugins rank, hosts, who talks, then the rest in the order given. */
function importantFirst(people: readonly Participant[], { registry, talking }: Known): Participant[] {
  const rank = rankBy(registry);
  const talks = new Set(talking);
  const own = (participant: Participant) => (isHost(participant) ? 0 : talks.has(participant) ? 1 : 2);
  const keys = new Map(people.map((participant) => [participant, [...rank(participant), own(participant)]]));
  return [...people].sort((a, b) => compareKeys(keys.get(a)!, keys.get(b)!));
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  const place = a.findIndex((key, i) => key !== b[i]);
  return place < 0 ? 0 : a[place] - b[place];
}

const cameAt = (participant: Participant) => participant.joinedAt?.getTime() ?? 0;

/** `named` is sorted by name; oneself stays at the top. */
export function sortedBy(sorting: Sorting, named: readonly Participant[], known: Known): Participant[] {
  const others = named.filter((participant) => !participant.isLocal);
  const me = named.filter((participant) => participant.isLocal);
  if (sorting === 'first') return [...me, ...importantFirst(others, known)];
  if (sorting === 'latest') return [...me, ...others.sort((a, b) => cameAt(b) - cameAt(a))];
  return [...me, ...others];
}

const MARKS = /\p{M}+/gu;
const plain = (text: string) => text.normalize('NFKD').replace(MARKS, '').toLocaleLowerCase();

/** Every word of the search is somewhere in the name, whatever its accents. */
export function matching(people: readonly Participant[], wanted: string): readonly Participant[] {
  const words = plain(wanted).split(/\s+/).filter(Boolean);
  if (!words.length) return people;
  return people.filter((participant) => {
    const name = plain(nameOf(participant));
    return words.every((word) => name.includes(word));
  });
}

/** The order stays as it was; who is new comes at the end. */
export function asBefore(people: readonly Participant[], before: readonly string[]): Participant[] {
  const places = new Map(before.map((identity, place) => [identity, place]));
  const place = ({ identity }: Participant) => places.get(identity) ?? before.length;
  return [...people].sort((a, b) => place(a) - place(b));
}
