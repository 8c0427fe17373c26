/** The page scrolls with what is spoken, until somebody scrolls by hand. */
import { barEnd } from '../place';

const BY_HAND = new Set(['PageUp', 'PageDown', 'Home', 'End', 'ArrowUp', 'ArrowDown']);
// A line is brought so far down below what stays at the top, and may come so far.
const HIGH = 0.25;
const LOW = 0.7;

export class Follow {
  private isFollowing = false;

  constructor(
    private readonly button: HTMLElement,
    player: HTMLElement,
    private readonly line: () => HTMLElement | null,
    signal: AbortSignal,
  ) {
    const stop = (event: Event) => {
      if (!(event.target instanceof Node && player.contains(event.target))) this.turn(false);
    };
    const options = { signal, passive: true };
    addEventListener('wheel', stop, options);
    addEventListener('touchmove', stop, options);
    addEventListener('keydown', (event) => BY_HAND.has(event.key) && stop(event), options);
    // The bar of the window, which is no element.
    addEventListener('pointerdown', (event) => event.clientX >= document.documentElement.clientWidth && stop(event), options);
  }

  get isOn() {
    return this.isFollowing;
  }

  turn(on: boolean) {
    if (on === this.isFollowing) return;
    this.isFollowing = on;
    this.button.setAttribute('aria-pressed', String(on));
    if (on) this.reach();
  }

  /** Brings the line that is spoken where it can be read, if it isn't there. */
  reach() {
    const line = this.line();
    if (!this.isFollowing || !line || document.fullscreenElement) return;
    const { top, bottom } = line.getBoundingClientRect();
    const start = barEnd();
    const room = innerHeight - start;
    if (top >= start + 8 && bottom <= start + room * LOW) return;
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    scrollBy({ top: top - start - room * HIGH, behavior: calm ? 'instant' : 'smooth' });
  }
}
