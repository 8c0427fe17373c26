/** The time bar: where one is, how much has come, what is where. */
import { t, tn } from '../../../room/i18n';
import { clockOf } from '../lines';
import { titleAt } from './chapters';
import { lastNotAfter } from './order';
import type { Thumbnails, Told } from './told';

// What is so near to a gap, of the bar's length, is at it.
const NEAR = 0.012;

/** Where in the sprite the picture of that second is, in pixels. */
export function pictureAt({ width, height, across, every, count }: Thumbnails, second: number): { x: number; y: number } {
  const number = Math.min(count - 1, Math.max(0, Math.floor(second / every)));
  return { x: (number % across) * width, y: Math.floor(number / across) * height };
}

/** In words, such as “5 minutes of the lecture are missing here”. */
export function missing(seconds: number): string {
  if (seconds < 90) return tn('{count} second was not recorded', '{count} seconds were not recorded', Math.round(seconds));
  return tn('{count} minute was not recorded', '{count} minutes were not recorded', Math.round(seconds / 60));
}

export class Bar {
  readonly slider: HTMLInputElement;
  private readonly box: HTMLElement;
  private readonly peek: HTMLElement;
  private readonly picture: HTMLElement;
  private isHeld = false;
  private length = 0;
  private told: Told | null = null;

  constructor(
    player: HTMLElement,
    private readonly go: (second: number) => void,
  ) {
    this.box = player.querySelector('.film-time')!;
    this.slider = player.querySelector('.film-seek')!;
    this.peek = player.querySelector('.film-peek')!;
    this.picture = player.querySelector('.film-picture')!;
    this.listen();
  }

  private listen() {
    const { slider, box } = this;
    slider.addEventListener('input', () => {
      this.isHeld = true;
      this.show(slider.valueAsNumber);
    });
    slider.addEventListener('change', () => {
      this.isHeld = false;
      this.go(slider.valueAsNumber);
    });
    box.addEventListener('pointermove', (event) => event.pointerType === 'mouse' && this.show(this.secondAt(event.clientX)));
    box.addEventListener('pointerleave', () => this.hide());
    slider.addEventListener('focus', () => slider.matches(':focus-visible') && this.show(slider.valueAsNumber));
    slider.addEventListener('blur', () => this.hide());
    slider.addEventListener('pointerup', (event) => event.pointerType !== 'mouse' && this.hide());
  }

  private secondAt(x: number) {
    const { left, width } = this.box.getBoundingClientRect();
    return Math.min(1, Math.max(0, (x - left) / (width || 1))) * this.length;
  }

  /** The film as it is told now, so many seconds long. */
  set(told: Told, length: number) {
    this.told = told;
    this.length = length;
    this.slider.max = String(length || 1);
    this.slider.disabled = !length;
    const marks = [
      ...told.chapters.map(([at]) => this.mark('film-tick', at)),
      ...told.gaps.map(([at]) => this.mark('film-gap', at)),
    ];
    this.box.querySelector('.film-marks')!.replaceChildren(...marks);
  }

  private mark(kind: string, at: number): HTMLElement {
    const made = document.createElement('span');
    made.className = kind;
    made.style.left = this.part(at);
    return made;
  }

  private part(second: number) {
    return `${this.length ? (Math.min(second, this.length) / this.length) * 100 : 0}%`;
  }

  /** Where one is, and up to which second it has come. */
  at(second: number, come: number, isPlaying: boolean) {
    if (!this.isHeld) this.slider.value = String(second);
    this.box.querySelector<HTMLElement>('.film-done')!.style.width = this.part(second);
    this.box.querySelector<HTMLElement>('.film-come')!.style.width = this.part(come);
    // Whoever is at it while it plays hears the film, not the bar.
    if (isPlaying && document.activeElement === this.slider) return;
    this.say(second);
  }

  /** What is read out of the place, and shown where the keyboard is at it. */
  say(second: number) {
    const title = this.told ? titleAt(this.told.chapters, second) : '';
    const words = t('{time} of {whole}', { time: clockOf(second), whole: clockOf(this.length) });
    const said = title ? `${words}, ${title}` : words;
    if (this.slider.getAttribute('aria-valuetext') !== said) this.slider.setAttribute('aria-valuetext', said);
    if (!this.peek.hidden && this.slider.matches(':focus-visible') && !this.box.matches(':hover')) this.show(second);
  }

  private show(second: number) {
    if (!this.told || !this.length) return;
    this.peek.hidden = false;
    this.paint(this.told.thumbnails, second);
    this.peek.querySelector('.film-peek-words')!.textContent = this.words(second);
    const room = this.box.clientWidth - this.peek.offsetWidth;
    const middle = (second / this.length) * this.box.clientWidth - this.peek.offsetWidth / 2;
    this.peek.style.left = `${Math.max(0, Math.min(room, middle))}px`;
  }

  private words(second: number): string {
    const { chapters, gaps } = this.told!;
    const near = this.length * NEAR;
    const gap = gaps[lastNotAfter(gaps, ([at]) => at, second + near)];
    const there = gap && second - gap[0] <= near ? missing(gap[1]) : '';
    return [clockOf(second), titleAt(chapters, second), there].filter(Boolean).join(' · ');
  }

  private paint(thumbnails: Thumbnails | null, second: number) {
    this.picture.hidden = !thumbnails;
    if (!thumbnails) return;
    const { x, y } = pictureAt(thumbnails, second);
    const { style } = this.picture;
    style.width = `${thumbnails.width}px`;
    style.height = `${thumbnails.height}px`;
    style.backgroundImage = `url(${JSON.stringify(thumbnails.url)})`;
    style.backgroundPosition = `${-x}px ${-y}px`;
  }

  private hide() {
    this.peek.hidden = true;
  }
}
