/** Times as people write them, and what of a film remains. */

export type Passage = [from: number, to: number];
/** Seconds of the film, and what begins there. */
export type Chapter = [at: number, title: string];

const SHORTEST = 0.15;
const ROUNDING = 0.25;
const TIME = /^\s*(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,5}(?:[.,]\d{1,3})?)\s*$/;

/** 1:02:03.5, 12:30, 45: seconds; null for what is none of these. */
export function seconds(written: string): number | null {
  const found = TIME.exec(written);
  if (!found) return null;
  const [, hours, minutes, rest] = found;
  const last = Number(rest.replace(',', '.'));
  if (minutes !== undefined && last >= 60) return null;
  if (hours !== undefined && Number(minutes) >= 60) return null;
  return Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + last;
}

/** 0:07, 12:30.5, 1:02:03: to a tenth of a second. */
export function clock(second: number): string {
  const tenths = Math.max(0, Math.round(second * 10));
  const whole = Math.floor(tenths / 10);
  const two = (part: number) => String(part).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const begin = hours ? `${hours}:${two(minutes)}` : String(minutes);
  return `${begin}:${two(whole % 60)}${tenths % 10 ? `.${tenths % 10}` : ''}`;
}

/** What is kept of a film without these passages, as the server will make it: it goes on at a key frame. */
export function kept(passages: readonly Passage[], keys: readonly number[], length: number): Passage[] {
  const made: Passage[] = [];
  let begin = 0;
  for (const [from, to] of passages) {
    if (from - begin >= SHORTEST) made.push([begin, from]);
    const on = to >= length - ROUNDING ? length : (keys.find((key) => key >= to - 0.0005) ?? length);
    begin = Math.max(begin, on);
  }
  if (length - begin >= SHORTEST) made.push([begin, length]);
  return made;
}

export const together = (passages: readonly Passage[]) => passages.reduce((sum, [from, to]) => sum + to - from, 0);

export const inOrder = (passages: readonly Passage[]): Passage[] => [...passages].sort((one, other) => one[0] - other[0]);
