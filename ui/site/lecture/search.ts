/** Search in the lecture: everything on the page, also what has still to come. */
import { t } from '../../room/i18n';
import { hitsIn, mark, placesOf, speakersOf, unmark, type Hit } from './places';
import { bring } from './place';
import { LONGEST_QUERY, readQuery } from './query';
import type { Rest } from './rest';

const PAUSE_MS = 180;
// All are counted; so many are marked at once, the others when one comes to them.
const MOST_MARKED = 1000;

export class Search {
  private hits: Hit[] = [];
  private at = -1;
  private marked = new Set<Element>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = '';
  private readonly input: HTMLInputElement;
  private readonly who: HTMLSelectElement;
  private readonly found: HTMLElement;
  private readonly count: HTMLElement;

  constructor(
    private readonly form: HTMLFormElement,
    private readonly page: HTMLElement,
    private readonly rest: Rest,
    /** Called where somebody goes on to a place, but not while they type. */
    private readonly reached: (element: Element) => void = () => undefined,
  ) {
    this.input = form.querySelector('input')!;
    this.who = form.querySelector('select')!;
    this.found = form.querySelector('.search-found')!;
    this.count = form.querySelector('.search-count')!;
    delete form.dataset.waiting;
    this.listen();
    this.offerSpeakers();
  }

  private listen() {
    this.input.addEventListener('input', () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.look(), PAUSE_MS);
    });
    this.who.addEventListener('change', () => void this.look());
    this.input.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.input.value) this.clear(event);
      if (event.key === 'Enter' && !event.isComposing) this.entered(event);
    });
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.step(1);
    });
    this.form.querySelector('[data-step="-1"]')!.addEventListener('click', () => void this.step(-1));
  }

  private entered(event: KeyboardEvent) {
    event.preventDefault();
    void this.step(event.shiftKey ? -1 : 1);
  }

  private clear(event: Event) {
    event.preventDefault();
    this.input.value = '';
    void this.look();
  }

  private get question() {
    return JSON.stringify([this.input.value.trim(), this.who.value]);
  }

  /** On to the next place; what was typed since is looked for first. */
  async step(by: number) {
    if (this.question !== this.asked) await this.look();
    else if (this.hits.length) this.go((this.at + by + this.hits.length) % this.hits.length);
    const hit = this.hits[this.at];
    if (hit) this.reached(hit.element);
  }

  /** What was looked for in all lectures is marked in this one; who came for a moment stays there. */
  async begin(words: string) {
    this.input.value = words;
    await this.look();
  }

  /** Looks for what the field says, from the beginning, or from the line that the address names. */
  async look() {
    clearTimeout(this.timer);
    const question = (this.asked = this.question);
    this.form.classList.toggle('is-used', Boolean(this.input.value || this.who.value));
    if (!this.input.value.trim() && !this.who.value) return this.show([], '');
    const query = readQuery(this.input.value);
    if ('problem' in query && query.problem === 'long') {
      return this.show([], t('Please use at most {count} characters.', { count: LONGEST_QUERY }));
    }
    if ('problem' in query && this.input.value.trim()) return this.show([], t('Type a word to look for.'));
    if (!this.rest.isComplete) {
      this.show([], t('Loading all lines …'));
      await this.rest.load();
      if (question !== this.asked) return;
    }
    const hits = hitsIn(placesOf(this.page), 'terms' in query ? query.terms : [], this.who.value);
    this.show(hits, hits.length ? '' : this.nothing());
    if (!hits.length) return;
    const here = hits.findIndex((hit) => hit.element.closest('.is-here'));
    if (here >= 0) this.point(here);
    else this.go(0);
  }

  private nothing() {
    if (!this.rest.isComplete) return t('Nothing found in the part that is loaded.');
    return this.who.value ? t('Nothing found by {name}.', { name: this.who.value }) : t('Nothing found.');
  }

  /** The page has other content now: the same search, at the same place. */
  refresh() {
    this.offerSpeakers();
    if (this.question !== this.asked || this.at < 0) return;
    const here = this.hits[this.at]?.element;
    const query = readQuery(this.input.value);
    const hits = hitsIn(placesOf(this.page), 'terms' in query ? query.terms : [], this.who.value);
    const again = hits.findIndex((hit) => hit.element === here);
    const at = again >= 0 ? again : Math.min(this.at, hits.length - 1);
    this.show(hits, hits.length ? '' : this.nothing());
    if (at >= 0) this.point(at);
  }

  private show(hits: Hit[], words: string) {
    for (const element of this.marked) this.clean(element);
    this.marked.clear();
    this.hits = hits;
    this.at = -1;
    for (const hit of hits.slice(0, MOST_MARKED)) this.mark(hit);
    this.found.hidden = !hits.length && !words;
    this.found.classList.toggle('is-empty', !hits.length);
    this.say(words);
  }

  private clean(element: Element) {
    unmark(element);
    element.closest('.is-hit')?.classList.remove('is-hit');
  }

  private mark(hit: Hit) {
    if (this.marked.has(hit.element)) return;
    this.marked.add(hit.element);
    if (hit.ranges.length) mark(hit);
  }

  private go(at: number) {
    this.point(at);
    const { element } = this.hits[at];
    bring(element.querySelector('mark') ?? element);
  }

  private point(at: number) {
    const old = this.hits[this.at];
    old?.element.querySelectorAll('mark').forEach((one) => one.classList.remove('is-current'));
    old?.element.closest('.is-hit')?.classList.remove('is-hit');
    this.at = at;
    const { element } = this.hits[at];
    this.mark(this.hits[at]);
    element.querySelectorAll('mark').forEach((one) => one.classList.add('is-current'));
    (element.closest('.timeline > li') ?? element).classList.add('is-hit');
    this.say(t('{number} of {total}', { number: at + 1, total: this.hits.length }));
  }

  private say(words: string) {
    if (this.count.textContent !== words) this.count.textContent = words;
  }

  private offerSpeakers() {
    const names = speakersOf(placesOf(this.page));
    const there = [...this.who.options].slice(1).map((one) => one.value);
    // Who is chosen stays, though their lines have gone.
    if (this.who.value && !names.includes(this.who.value)) names.push(this.who.value);
    this.who.hidden = names.length < 2;
    if (names.join('\n') === there.join('\n')) return;
    const chosen = this.who.value;
    this.who.replaceChildren(this.who.options[0], ...names.map((name) => new Option(name, name)));
    this.who.value = chosen;
  }
}
