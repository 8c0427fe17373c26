import './dashboard';

// Without a script the link leads to a page that asks the same.
document.addEventListener('click', (event) => {
  if (!(event.target instanceof Element) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest<HTMLElement>('a[data-confirm]');
  const dialog = link && document.querySelector<HTMLDialogElement>(link.dataset.confirm ?? '');
  if (!dialog) return;
  event.preventDefault();
  dialog.showModal();
});

/** `#t=1:02:03` leads to that moment of the lecture. */
function goToMoment() {
  const found = /^#t=([\d:]+)$/.exec(location.hash);
  if (!found) return;
  const wanted = found[1].split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  const lines = [...document.querySelectorAll<HTMLElement>('[data-at]')];
  const line = lines.findLast((one) => Number(one.dataset.at) <= wanted) ?? lines[0];
  document.querySelectorAll('.timeline .is-here').forEach((one) => one.classList.remove('is-here'));
  line?.closest('li')?.classList.add('is-here');
  line?.scrollIntoView({ block: 'center' });
}
addEventListener('hashchange', goToMoment);
goToMoment();
