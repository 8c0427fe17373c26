/** The chapters of a film: which one is on, and the list of all. */
import { clockOf } from '../lines';
import { lastNotAfter } from './order';
import { toLecture } from './spans';
import type { Chapter, Told } from './told';

/** The title of the chapter that is on at that second of the file; empty before the first. */
export const titleAt = (chapters: readonly Chapter[], second: number) =>
  chapters[lastNotAfter(chapters, ([at]) => at, second)]?.[1] ?? '';

export class Chapters {
  private told: Told | null = null;
  private readonly list: HTMLElement;
  private readonly now: HTMLElement;

  constructor(
    private readonly menu: HTMLDetailsElement,
    private readonly go: (second: number) => void,
  ) {
    this.list = menu.querySelector('.film-chapters')!;
    this.now = menu.querySelector('.film-chapter-now')!;
    this.list.addEventListener('click', (event) => this.pressed(event));
  }

  show(told: Told) {
    this.told = told;
    this.menu.hidden = !told.chapters.length;
    this.list.replaceChildren(...told.chapters.map((chapter, at) => this.entry(chapter, at)));
  }

  /** Marks the one that is on then. */
  mark(second: number) {
    const chapters = this.told?.chapters ?? [];
    const on = lastNotAfter(chapters, ([at]) => at, second);
    const title = chapters[on]?.[1] ?? '';
    if (this.now.textContent === title) return;
    this.now.textContent = title;
    [...this.list.children].forEach((one, at) => {
      if (at === on) one.firstElementChild!.setAttribute('aria-current', 'true');
      else one.firstElementChild!.removeAttribute('aria-current');
    });
  }

  // A link, so that its moment can be copied; a click on it leaves the reader where they are.
  private entry([second, title]: Chapter, at: number): HTMLElement {
    const link = document.createElement('a');
    link.className = 'menu-item';
    link.href = `#t=${clockOf(toLecture(this.told!.spans, second))}`;
    link.dataset.at = String(at);
    const time = document.createElement('span');
    time.className = 'film-chapter-time';
    time.textContent = clockOf(second);
    link.append(time, ' ', title);
    const entry = document.createElement('li');
    entry.append(link);
    return entry;
  }

  private pressed(event: MouseEvent) {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>('a') : null;
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.menu.open = false;
    this.menu.querySelector('summary')!.focus();
    this.go(this.told!.chapters[Number(link.dataset.at)][0]);
  }
}
