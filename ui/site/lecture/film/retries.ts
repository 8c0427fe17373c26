/** How often a film that broke off is fetched anew by itself. */

const MOST = 2;
const WITHIN_MS = 60_000;

/** An address of a storage is good for a minute only; what breaks off more often than that is broken. */
export class Retries {
  private times: number[] = [];

  /** Whether there is one more now, which this counts. */
  take(now: number): boolean {
    this.times = this.times.filter((time) => now - time < WITHIN_MS);
    if (this.times.length >= MOST) return false;
    this.times.push(now);
    return true;
  }

  forget() {
    this.times = [];
  }
}

/** The same file by another address: what the browser knows of the first, it takes for good. */
export function anew(source: string, time: number): string {
  const address = new URL(source, location.href);
  address.searchParams.set('again', String(time));
  return address.href;
}
