/** The line of the transcript that is being spoken. */
import { linesOf, timeOf } from '../lines';
import { lastNotAfter } from './order';

interface Spoken {
  at: number;
  line: HTMLElement;
}

export class Transcript {
  private spoken: Spoken[] = [];
  private now: HTMLElement | null = null;

  /** Reads the lines anew; between changes of the page nobody looks at all of them. */
  read(list: Element | null) {
    this.spoken = list ? linesOf(list).map((line) => ({ at: timeOf(line), line })) : [];
    if (this.now && !this.now.isConnected) this.now = null;
  }

  get isEmpty() {
    return !this.spoken.length;
  }

  /** Marks the line of that second of the lecture. Gives it where it is another one than before. */
  mark(second: number): HTMLElement | null {
    const line = this.spoken[lastNotAfter(this.spoken, (one) => one.at, second)]?.line ?? null;
    if (line === this.now) return null;
    this.now?.classList.remove('is-playing');
    this.now?.removeAttribute('aria-current');
    line?.classList.add('is-playing');
    line?.setAttribute('aria-current', 'true');
    this.now = line;
    return line;
  }

  get line() {
    return this.now;
  }
}
