/** The reader's place on the page: nothing that comes above it may move it. */

// So far down the page its head is what one reads.
const HEAD = 72;

/** Where the bar ends that stays at the top, and the film below it. */
export const barEnd = () => Math.max(0, ...[...document.querySelectorAll('#lecture-search, .is-mini > .film-player')].map((one) => one.getBoundingClientRect().bottom));

/** Does something to the page; what was at the top of the window is there again afterwards. */
export function keepPlace(page: Element, change: () => void) {
  const anchor = topmost(page);
  const before = anchor?.getBoundingClientRect().top ?? 0;
  change();
  if (!anchor?.isConnected) return;
  const moved = anchor.getBoundingClientRect().top - before;
  if (Math.abs(moved) >= 1) scrollBy({ top: moved, behavior: 'instant' });
}

function topmost(page: Element): Element | null {
  if (scrollY < HEAD) return null;
  const box = page.getBoundingClientRect();
  // Lines and paragraphs first: a section is higher than the window.
  for (const below of [8, 40, 120, 240]) {
    const y = barEnd() + below;
    const found = document.elementFromPoint?.(box.left + box.width * 0.6, y)?.closest('li, p, tr, dt, dd, .lecture-section');
    if (found && page.contains(found)) return found;
  }
  return null;
}

export const isInView = (element: Element) => {
  const box = element.getBoundingClientRect();
  return box.top >= barEnd() && box.bottom <= innerHeight - 8;
};

/** Brings it to the middle of the window; what is seen already stays where it is. */
export function bring(element: Element) {
  if (isInView(element)) return;
  element.scrollIntoView({ block: 'center', behavior: 'instant' });
  // Heights were guesses until what is around it was laid out.
  requestAnimationFrame(() => {
    if (!isInView(element)) element.scrollIntoView({ block: 'center', behavior: 'instant' });
  });
}
