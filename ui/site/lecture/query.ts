/** What is looked for, and where it stands in a text. Case and accents make no difference. */

export const LONGEST_QUERY = 200;
const MOST_RANGES = 50;

export type Range = [start: number, end: number];

/** A text without case and accents; `at` maps its places to those of the text, null where they are the same. */
export interface Folded {
  text: string;
  at: number[] | null;
}

const ASCII = /^[\x00-\x7f]*$/;

export function fold(text: string): Folded {
  if (ASCII.test(text)) return { text: text.toLowerCase(), at: null };
  let made = '';
  const at: number[] = [];
  let place = 0;
  for (const letter of text) {
    const plain = letter.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
    made += plain;
    for (let i = 0; i < plain.length; i++) at.push(place);
    place += letter.length;
  }
  at.push(place);
  return { text: made, at };
}

export type Query = { terms: string[] } | { problem: 'empty' | 'long' };

/** Words that must all be there; what stands in quotes must stand there just so. */
export function readQuery(said: string): Query {
  const text = said.trim();
  if (text.length > LONGEST_QUERY) return { problem: 'long' };
  const terms = [...text.matchAll(/["“”„«»]([^"“”„«»]*)["“”„«»]|[^\s"“”„«»]+/g)]
    .map(([whole, quoted]) => fold((quoted ?? whole).trim().replace(/\s+/g, ' ')).text)
    .filter(Boolean);
  return terms.length ? { terms: [...new Set(terms)] } : { problem: 'empty' };
}

/** Where the terms stand in the text, in order; nothing unless all of them do. */
export function find(folded: Folded, terms: readonly string[]): Range[] {
  const found: Range[] = [];
  for (const term of terms) {
    let from = folded.text.indexOf(term);
    if (from < 0) return [];
    for (let count = 0; from >= 0 && count < MOST_RANGES; count++) {
      found.push(inText(folded, from, from + term.length));
      from = folded.text.indexOf(term, from + term.length);
    }
  }
  return joined(found);
}

function inText({ at }: Folded, start: number, end: number): Range {
  if (!at) return [start, end];
  const begin = at[start];
  // A letter that was folded to two is marked whole, and so are the accents behind it.
  let stop = end;
  while (stop < at.length - 1 && at[stop] === at[end - 1]) stop++;
  return [begin, at[stop]];
}

/** Ranges in order, those that touch each other as one. */
function joined(ranges: Range[]): Range[] {
  const made: Range[] = [];
  for (const [start, end] of ranges.sort((one, other) => one[0] - other[0])) {
    const last = made.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else made.push([start, end]);
  }
  return made;
}
