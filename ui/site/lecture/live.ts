/** The page while something of it is still made: the server says that it has changed, the page looks again. */
import { backoff } from '../../room/backoff';
import { fragment, linesOf, place, trim } from './lines';
import { keepPlace } from './place';

// After so many failures in a row the page asks whether it may still be read.
const FAILURES = 3;

/** Puts what the server sends in the place of what differs from it; `changed` is called afterwards. */
export class Live {
  private looking: Promise<void> | null = null;
  private again = false;
  private source: EventSource | null = null;
  private closed = false;
  private failures = 0;
  private readonly pauses = backoff(1000, 30_000);

  constructor(
    private readonly page: HTMLElement,
    private readonly changed: () => void,
  ) {}

  listen(address: string) {
    const source = (this.source = new EventSource(address));
    source.addEventListener('changed', () => {
      this.pauses.reset();
      this.failures = 0;
      void this.look();
    });
    // EventSource would come back by itself, but everybody after the same pause, and never after a 503.
    source.onerror = () => {
      source.close();
      if (++this.failures % FAILURES === 0) void this.look();
      setTimeout(() => this.closed || this.listen(address), this.pauses.next());
    };
  }

  close() {
    this.closed = true;
    this.source?.close();
  }

  /** Asks for what is different now; once more where it changes meanwhile. */
  look(): Promise<void> {
    this.again = this.looking !== null;
    this.looking ??= this.lookUntilDone().finally(() => (this.looking = null));
    return this.looking;
  }

  private async lookUntilDone() {
    do {
      this.again = false;
      await this.lookOnce();
    } while (this.again);
  }

  private get sections() {
    return [...this.page.querySelectorAll<HTMLElement>('.lecture-section')];
  }

  private async lookOnce() {
    const have = this.sections.map((one) => one.dataset.digest).join('.');
    const answer = await fetch(`${this.page.dataset.address}/parts?have=${have}`).catch(() => null);
    // Whoever may not read it any more keeps what is on the screen, and gets no more.
    if (answer?.status === 404) this.close();
    if (!answer?.ok) return;
    const fresh = fragment(await answer.text());
    keepPlace(this.page, () => this.take(fresh));
    this.changed();
  }

  private take(fresh: DocumentFragment) {
    for (const id of ['lecture-facts', 'lecture-making', 'lecture-jump']) {
      const old = document.getElementById(id);
      const now = fresh.getElementById(id);
      if (!old || !now || old.textContent === now.textContent) continue;
      old.toggleAttribute('data-few', now.hasAttribute('data-few'));
      old.replaceChildren(...now.childNodes);
    }
    this.takeSections(fresh.getElementById('lecture-sections')!);
  }

  private takeSections(fresh: HTMLElement) {
    const list = document.getElementById('lecture-sections')!;
    const wanted = [...fresh.children];
    const ids = wanted.map((one) => one.id);
    for (const old of [...list.children]) if (!ids.includes(old.id)) old.remove();
    wanted.forEach((section, at) => {
      const there = [...list.children].find((one) => one.id === section.id);
      const shown = there ? become(there as HTMLElement, section as HTMLElement) : section;
      // What stands at its place already isn't touched: it would lose focus and scroll position.
      if (list.children[at] !== shown) list.insertBefore(shown, list.children[at] ?? null);
    });
  }
}

/** The section as it is now, in the old element as far as that goes. */
function become(old: HTMLElement, now: HTMLElement): HTMLElement {
  if ('same' in now.dataset || old.dataset.digest === now.dataset.digest) return old;
  const [lines, fresh] = [old, now].map((one) => one.querySelector('ol.timeline'));
  const [film, told] = [old, now].map((one) => one.querySelector<HTMLElement>('.film'));
  if (lines && fresh) takeLines(old, now, lines, fresh);
  else if (film && told && film.dataset.source === told.dataset.source) takeFilm(old, now, film, told);
  else replaceInside(old, now);
  for (const name of ['data-digest', 'data-shape']) old.setAttribute(name, now.getAttribute(name) ?? '');
  old.className = now.className;
  return old;
}

/** The lines that were sent take their places; those behind them stay until the rest has come anew. */
function takeLines(old: HTMLElement, now: HTMLElement, lines: Element, fresh: Element) {
  const sent = linesOf(fresh);
  const more = now.querySelector<HTMLElement>('.timeline-more');
  place(lines, sent, 0);
  if (more) more.dataset.from = String(sent.length);
  else trim(lines, sent.length);
  takeAround(old, now, lines, fresh);
}

/** Whoever watches the film goes on watching; what is told of it is new, and its captions may have come. */
function takeFilm(old: HTMLElement, now: HTMLElement, film: HTMLElement, told: HTMLElement) {
  film.dataset.film = told.dataset.film;
  const [track, fresh] = [film, told].map((one) => one.querySelector('track'));
  if (track?.outerHTML !== fresh?.outerHTML) {
    track?.remove();
    if (fresh) film.querySelector('video')!.append(fresh);
  }
  takeAround(old, now, film, told);
}

/** What stands beside one part that stays. */
function takeAround(old: HTMLElement, now: HTMLElement, kept: Element, fresh: Element) {
  for (const part of [...old.children]) if (part !== kept) part.remove();
  const parts = [...now.children];
  const at = parts.indexOf(fresh);
  kept.before(...parts.slice(0, at));
  kept.after(...parts.slice(at + 1));
}

function replaceInside(old: HTMLElement, now: HTMLElement) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const name = focused && nameOf(focused);
  old.replaceChildren(...now.childNodes);
  if (!focused) return;
  const again = [...old.querySelectorAll<HTMLElement>('a, button, [tabindex]')].find((one) => nameOf(one) === name);
  again?.focus({ preventScroll: true });
}

const nameOf = (element: Element) => `${element.tagName} ${element.getAttribute('href') ?? ''} ${element.getAttribute('aria-label') ?? ''}`;
