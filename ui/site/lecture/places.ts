/** All places of the page that can be found: lines, paragraphs, cells, names of files. */
import { linesOf } from './lines';
import { find, fold, type Folded, type Range } from './query';

/** `speaker`: whose line it is; null where nobody speaks. */
export interface Place {
  element: HTMLElement;
  speaker: string | null;
}

const OTHERS = '.prose, .facts > dt:not(:has(> a)), .facts > dt > span, .facts > dd, .table td, .file-name a, .lecture-section > p.muted';

/** In the order of the page. */
export function placesOf(page: Element): Place[] {
  return [...page.querySelectorAll('.lecture-section')].flatMap((section) => {
    const list = section.querySelector('ol.timeline');
    if (list) return spoken(list);
    return [...section.querySelectorAll<HTMLElement>(OTHERS)].map((element) => ({ element, speaker: null }));
  });
}

function spoken(list: Element): Place[] {
  let speaker = '';
  return linesOf(list).flatMap((line) => {
    const name = line.querySelector(':scope > strong > bdi')?.textContent;
    if (name) speaker = name;
    const element = line.querySelector<HTMLElement>(':scope > p');
    return element ? [{ element, speaker: line.classList.contains('aside') ? null : speaker }] : [];
  });
}

/** Who speaks how often, whoever says most first. */
export function speakersOf(places: readonly Place[]): string[] {
  const counts = new Map<string, number>();
  for (const { speaker } of places) if (speaker) counts.set(speaker, (counts.get(speaker) ?? 0) + 1);
  return [...counts.keys()].sort((one, other) => counts.get(other)! - counts.get(one)!);
}

export interface Hit extends Place {
  ranges: Range[];
}

const known = new WeakMap<Element, { text: string; folded: Folded }>();

function foldedOf(element: Element): Folded {
  const text = element.textContent ?? '';
  let found = known.get(element);
  if (!found || found.text !== text) known.set(element, (found = { text, folded: fold(text) }));
  return found.folded;
}

/** Where all terms stand; without terms, all that this speaker has said. */
export function hitsIn(places: readonly Place[], terms: readonly string[], who: string): Hit[] {
  const hits: Hit[] = [];
  for (const place of places) {
    if (who && place.speaker !== who) continue;
    const ranges = find(foldedOf(place.element), terms);
    if (ranges.length || (!terms.length && who)) hits.push({ ...place, ranges });
  }
  return hits;
}

/** Puts marks round the ranges; the text stays the same. */
export function mark({ element, ranges }: Hit) {
  const text = element.textContent ?? '';
  const parts: (string | Element)[] = [];
  let done = 0;
  for (const [start, end] of ranges) {
    const made = document.createElement('mark');
    made.textContent = text.slice(start, end);
    parts.push(text.slice(done, start), made);
    done = end;
  }
  element.replaceChildren(...parts, text.slice(done));
}

export function unmark(element: Element) {
  if (element.querySelector('mark')) element.textContent = element.textContent ?? '';
}
