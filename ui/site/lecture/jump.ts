/** The list of the sections: it shows where one is. */

/** Marks the link of the section that the middle of the window shows. Gives what looks anew after a change. */
export function followSections(page: HTMLElement): () => void {
  const nav = page.querySelector<HTMLElement>('.lecture-jump')!;
  const observer = new IntersectionObserver(
    (entries) => entries.forEach((one) => one.isIntersecting && point(nav, one.target.id)),
    { rootMargin: '-30% 0px -69% 0px' },
  );
  nav.addEventListener('click', (event) => {
    if (event.target instanceof Element && event.target.closest('a') && nav.matches(':popover-open')) nav.hidePopover();
  });
  const watch = () => {
    observer.disconnect();
    page.querySelectorAll('.lecture-section').forEach((one) => observer.observe(one));
  };
  watch();
  return watch;
}

function point(nav: Element, id: string) {
  for (const link of nav.querySelectorAll('a')) {
    if (link.hash === `#${id}`) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
}
