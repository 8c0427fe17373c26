/** The links of the lines: one of them in the order of Tab, the arrows go from line to line; and a button to copy. */
import { t } from '../../room/i18n';
import { toast } from '../toast';
import { linesOf, linkOf } from './lines';

const STEPS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

/** Takes all links but one of each list out of the order of Tab: nobody tabs through two thousand. */
export function oneForTab(page: Element) {
  for (const list of page.querySelectorAll('ol.timeline')) {
    const links = linesOf(list).map(linkOf);
    const kept = links.find((one) => one === document.activeElement) ?? links.find((one) => one?.tabIndex === 0);
    for (const link of links) if (link) link.tabIndex = link === kept ? 0 : -1;
  }
}

function step(link: HTMLAnchorElement, key: string): HTMLAnchorElement | null {
  const lines = linesOf(link.closest('ol')!);
  const at = lines.findIndex((one) => linkOf(one) === link);
  const next = lines[Math.max(0, Math.min(lines.length - 1, at + STEPS[key]))];
  return next ? linkOf(next) : null;
}

export class Links {
  private readonly button = document.createElement('button');

  constructor(page: HTMLElement, icon: string) {
    this.button.type = 'button';
    this.button.className = 'btn btn-icon btn-sm timeline-copy';
    this.button.innerHTML = icon;
    this.button.addEventListener('click', () => void this.copy());
    page.addEventListener('focusin', (event) => this.focused(event.target));
    page.addEventListener('pointerover', (event) => this.pointed(event.target));
    page.addEventListener('click', (event) => this.pointed(event.target));
    page.addEventListener('keydown', (event) => this.pressed(event));
    oneForTab(page);
  }

  private focused(target: EventTarget | null) {
    if (!(target instanceof HTMLAnchorElement) || !target.matches('.timeline > li > a')) return;
    for (const other of target.closest('ol')!.querySelectorAll<HTMLElement>(':scope > li > a[tabindex="0"]')) other.tabIndex = -1;
    target.tabIndex = 0;
    this.offer(target.parentElement!);
  }

  private pointed(target: EventTarget | null) {
    const line = target instanceof Element ? target.closest('.timeline > li') : null;
    // Whoever is at the button by keyboard keeps it.
    if (line && !this.button.matches(':focus-visible')) this.offer(line);
  }

  /** One button for all lines: it stands in the line that one is at. */
  private offer(line: Element) {
    const link = linkOf(line);
    if (!link || this.button.parentElement === line) return;
    this.button.setAttribute('aria-label', t('Copy the link to {time}', { time: link.textContent ?? '' }));
    this.button.title = t('Copy the link');
    link.after(this.button);
  }

  private pressed(event: KeyboardEvent) {
    const link = event.target;
    if (!(link instanceof HTMLAnchorElement) || !link.matches('.timeline > li > a')) return;
    if (!(event.key in STEPS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const next = step(link, event.key);
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: 'nearest' });
  }

  private async copy() {
    const line = this.button.parentElement;
    const link = line && linkOf(line);
    if (!link) return;
    try {
      await navigator.clipboard.writeText(location.origin + location.pathname + new URL(link.href).hash);
      toast(t('The link to {time} is copied.', { time: link.textContent ?? '' }));
    } catch {
      toast(t('The link could not be copied. Copy it from the address bar after a click on the time.'), 'error');
    }
  }
}
