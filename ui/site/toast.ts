const SECONDS = 6;

/** Says something short that needs no answer; read out by screen readers. */
export function toast(text: string, kind: 'info' | 'error' = 'info') {
  const place = document.getElementById('toasts');
  if (!place || !text) return;
  const message = document.createElement('p');
  message.className = kind === 'error' ? 'toast toast-error' : 'toast';
  message.textContent = text;
  place.append(message);
  setTimeout(() => message.remove(), SECONDS * 1000);
}
