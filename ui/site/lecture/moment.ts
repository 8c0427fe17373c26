/** Links to a moment: `#t=1:02:03`, and `&in=` where it isn't a line of the first timeline. */
import { linesOf, linkOf, secondsOf, timeOf } from './lines';
import { bring } from './place';
import type { Rest } from './rest';

export interface Moment {
  seconds: number;
  within: string;
}

/** What a hash names; null for one that names no moment. */
export function momentOf(hash: string): Moment | null {
  const said = new URLSearchParams(hash.replace(/^#/, ''));
  const seconds = secondsOf(said.get('t') ?? '');
  return seconds === null ? null : { seconds, within: said.get('in') ?? '' };
}

/** The list that a moment is in. */
export function listOf(page: Element, within: string): Element | null {
  const lists = [...page.querySelectorAll('ol.timeline')];
  return lists.find((one) => within && one.closest('section')?.id === within) ?? lists[0] ?? null;
}

/** The last line that had begun at that time, else the first. */
export function lineAt(list: Element, seconds: number): HTMLElement | null {
  const lines = linesOf(list);
  return lines.findLast((one) => timeOf(one) <= seconds) ?? lines[0] ?? null;
}

/** Whether lines at that time may still have to come. */
function mustWait(list: Element, seconds: number): boolean {
  const last = linesOf(list).at(-1);
  const isWhole = !list.closest('section')?.querySelector('.timeline-more');
  return !isWhole && (!last || timeOf(last) <= seconds);
}

/** Leads to the moment that the address names, in what isn't there yet too. */
export async function goToMoment(page: Element, rest: Rest, hash = location.hash) {
  const moment = momentOf(hash);
  const list = moment && listOf(page, moment.within);
  if (!list) return;
  // What comes into a timeline above would move it.
  if (mustWait(list, moment.seconds) || moment.within) await rest.load();
  if (hash !== location.hash) return;
  const line = lineAt(list, moment.seconds);
  if (!line) return;
  page.querySelectorAll('.is-here').forEach((one) => one.classList.remove('is-here'));
  line.classList.add('is-here');
  linkOf(line)?.focus({ preventScroll: true });
  bring(line);
}
