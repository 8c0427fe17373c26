import '@fontsource-variable/inter/wght.css';
import './tokens.css';
import './site.css';
import htmx from 'htmx.org';
// Imported statically: loaded later, it would find a page that htmx has already processed.
import 'htmx-ext-sse';
import { toast } from './toast';
import './rooms.css';
import './search.css';
import './admin.css';
import './rooms';
import './monitor';

htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;

const root = document.documentElement;

function toggleTheme() {
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const next = (root.dataset.theme ?? system) === 'dark' ? 'light' : 'dark';
  root.dataset.theme = next;
  localStorage.setItem('theme', next);
}

function togglePassword(button: HTMLElement) {
  const input = document.getElementById(button.getAttribute('aria-controls') ?? '');
  if (!(input instanceof HTMLInputElement)) return;
  const shown = input.type === 'password';
  input.type = shown ? 'text' : 'password';
  button.setAttribute('aria-pressed', String(shown));
}

async function copy(button: HTMLElement) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy ?? '');
    toast(button.dataset.copied ?? '');
  } catch {
    toast(button.dataset.copyFailed ?? '', 'error');
  }
}

document.addEventListener('click', (event) => {
  if (!(event.target instanceof Element)) return;
  const pressed = event.target.closest<HTMLElement>('[data-theme-toggle], [data-password-toggle], [data-copy], [data-dialog], [data-close]');
  if (!pressed) return;
  if ('themeToggle' in pressed.dataset) toggleTheme();
  if ('passwordToggle' in pressed.dataset) togglePassword(pressed);
  if ('copy' in pressed.dataset) void copy(pressed);
  if (pressed.dataset.dialog) document.querySelector<HTMLDialogElement>(pressed.dataset.dialog)?.showModal();
  if ('close' in pressed.dataset) pressed.closest('dialog')?.close();
});

const busyButtons = (scope: ParentNode) => scope.querySelectorAll('[aria-busy="true"]');
const rest = (scope: ParentNode) => busyButtons(scope).forEach((b) => b.removeAttribute('aria-busy'));

document.addEventListener('submit', (event) => {
  if (event.defaultPrevented && !(event.target as Element).matches('[hx-post], [hx-get], [hx-patch], [hx-delete]')) return;
  const pressed = event.submitter ?? (event.target as Element).querySelector('[type=submit]');
  pressed?.setAttribute('aria-busy', 'true');
});
document.addEventListener('htmx:afterRequest', () => rest(document));
// A page that comes back from the browser's cache is no longer busy.
addEventListener('pageshow', () => rest(document));

function focusFirstWrongField(scope: ParentNode) {
  scope.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
}
focusFirstWrongField(document);
document.addEventListener('htmx:afterSettle', (event) => focusFirstWrongField(event.target as Element));

interface Failed {
  xhr: XMLHttpRequest;
  requestConfig: { triggeringEvent?: Event };
}

function failed() {
  toast(document.body.dataset.failed ?? '', 'error');
}
document.addEventListener('htmx:responseError', (event) => {
  const { xhr, requestConfig } = (event as CustomEvent<Failed>).detail;
  // What the page listened to is gone: the server says so in words.
  if (xhr.status === 404 && requestConfig.triggeringEvent?.type.startsWith('sse:')) location.reload();
  else failed();
});
document.addEventListener('htmx:sendError', failed);

document.addEventListener('click', (event) => {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>('details.account[open], details.menu[open]')) {
    if (!menu.contains(event.target as Node)) menu.open = false;
  }
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const menu = document.querySelector<HTMLDetailsElement>('details.account[open], details.menu[open]');
  if (!menu) return;
  menu.open = false;
  menu.querySelector('summary')?.focus();
});
