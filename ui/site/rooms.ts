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
