/** Who reads on below the film keeps it small at the top of the window. */

// With less of it in the window it isn't seen any more.
const SEEN = 0.35;

export class Dock {
  private isSeen = true;
  private isWanted = false;
  private readonly observer: IntersectionObserver;
  private readonly sizes: ResizeObserver;
  private readonly bar = document.getElementById('lecture-search');

  constructor(
    private readonly film: HTMLElement,
    private readonly player: HTMLElement,
  ) {
    this.observer = new IntersectionObserver((entries) => this.saw(entries.at(-1)!.intersectionRatio), { threshold: SEEN });
    this.observer.observe(film);
    this.sizes = new ResizeObserver(() => this.measure());
    for (const one of [document.body, player, this.bar]) if (one) this.sizes.observe(one);
  }

  get isDocked() {
    return this.film.classList.contains('is-mini');
  }

  /** Whether the film can be seen now, at its place or small. */
  get isShown() {
    return this.isSeen || this.isDocked;
  }

  /** From now on it is small where it isn't seen; or away. */
  want(wanted: boolean) {
    this.isWanted = wanted;
    this.settle();
  }

  close() {
    this.observer.disconnect();
    this.sizes.disconnect();
    document.documentElement.style.scrollPaddingTop = '';
  }

  private saw(ratio: number) {
    this.isSeen = ratio >= SEEN;
    this.settle();
  }

  /** Small or not, as things are now. */
  settle() {
    const docked = this.isWanted && !this.isSeen && !document.pictureInPictureElement && !document.fullscreenElement;
    if (docked === this.isDocked) return;
    // Its place stays as high as it is: nothing jumps.
    if (docked) this.film.style.minHeight = `${this.player.offsetHeight}px`;
    this.film.classList.toggle('is-mini', docked);
    if (!docked) this.film.style.minHeight = '';
    this.measure();
  }

  private measure() {
    const { left, width } = this.film.closest('.lecture-section')!.getBoundingClientRect();
    const { style } = this.film;
    style.setProperty('--film-left', `${left}px`);
    style.setProperty('--film-width', `${width}px`);
    style.setProperty('--film-top', `${this.bar?.offsetHeight ?? 0}px`);
    document.documentElement.style.scrollPaddingTop = this.isDocked ? `${this.player.offsetHeight}px` : '';
  }
}
