/** When a microphone was open that isn't recorded: captions say so there. Whose it was isn't kept. */

const MOST = 5000;

export class Unheard {
  private readonly done: [number, number][] = [];
  private since: number | null = null;

  /** Whether one is open now; `now` in milliseconds. LiveKit doesn't tell who speaks to those who don't receive it. */
  hear(isOpen: boolean, now: number): void {
    if (isOpen === (this.since !== null)) return;
    if (this.since !== null && this.done.length < MOST) this.done.push([this.since / 1000, now / 1000]);
    this.since = isOpen ? now : null;
  }

  /** All of them, the one that still lasts too; in unix seconds. */
  turns(now: number): [number, number][] {
    const last: [number, number][] = this.since === null ? [] : [[this.since / 1000, now / 1000]];
    return [...this.done, ...last].slice(0, MOST);
  }
}
