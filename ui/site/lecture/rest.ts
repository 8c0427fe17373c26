/** The rest of the timelines: it comes after the first paint, piece by piece, into the same lists. */
import { backoff } from '../../room/backoff';
import { t } from '../../room/i18n';
import { fragment, linesOf, place, trim } from './lines';
import { keepPlace } from './place';

const TRIES = 4;

/** The section has changed since the page was made: look again before reading on. */
class Stale extends Error {}

export class Rest {
  private running: Promise<boolean> | null = null;

  constructor(
    private readonly page: HTMLElement,
    /** Called after lines have come. */
    private readonly came: () => void,
    /** Called where a section is another one now. */
    private readonly stale: () => Promise<void>,
  ) {}

  get isComplete() {
    return this.missing().length === 0;
  }

  /** Everything that isn't there yet; false when some of it could not be had. */
  load(): Promise<boolean> {
    this.running ??= this.loadAll().finally(() => (this.running = null));
    return this.running;
  }

  private missing() {
    return [...this.page.querySelectorAll<HTMLElement>('.timeline-more')];
  }

  private async loadAll(): Promise<boolean> {
    let looks = 0;
    for (let more = this.missing()[0]; more; more = this.missing()[0]) {
      try {
        await this.fill(more);
      } catch (error) {
        if (error instanceof Stale && looks++ < TRIES) await this.stale();
        else {
          this.fail(more);
          return false;
        }
      }
    }
    return true;
  }

  private async fill(more: HTMLElement) {
    const section = more.closest('section')!;
    const list = section.querySelector('ol.timeline')!;
    const total = Number(more.dataset.total);
    // What the server has just sent anew; behind it may stand lines of before, which are looked at again.
    let from = Number(more.dataset.from ?? linesOf(list).length);
    while (from < total && more.isConnected) {
      const piece = await this.fetch(more.dataset.more!, from);
      if (!more.isConnected) return;
      if (!piece || piece.dataset.digest !== section.dataset.digest) throw new Stale();
      const lines = linesOf(piece);
      if (!lines.length) break;
      keepPlace(this.page, () => place(list, lines, from));
      from += lines.length;
      more.dataset.from = String(from);
      more.replaceChildren(t('{count} of {total} lines are there …', { count: from, total }));
      this.came();
    }
    if (!more.isConnected) return;
    keepPlace(this.page, () => {
      trim(list, total);
      more.remove();
    });
    this.came();
  }

  private async fetch(address: string, from: number): Promise<HTMLElement | null> {
    const pauses = backoff(500, 8000);
    for (let tries = 1; ; tries++) {
      const answer = await fetch(`${address}${address.includes('?') ? '&' : '?'}from=${from}`).catch(() => null);
      if (answer?.ok) return fragment(await answer.text()).querySelector('ol');
      // It is gone, or not for this reader any more.
      if (answer && answer.status < 500 && answer.status !== 429) return null;
      if (tries >= TRIES) throw new Error('The rest of the lines could not be had.');
      await new Promise((done) => setTimeout(done, pauses.next()));
    }
  }

  private fail(more: HTMLElement) {
    const again = document.createElement('button');
    again.type = 'button';
    again.className = 'btn btn-sm';
    again.textContent = t('Try again');
    again.addEventListener('click', () => void this.load());
    more.replaceChildren(t('The rest could not be loaded.'), ' ', again);
  }
}
