/** Short messages: shown for a while or until dismissed, or only read out. */
import { Store } from './store';

export interface Notice {
  id: number;
  text: string;
  kind: 'info' | 'error';
  /** Until somebody dismisses it. */
  stays?: boolean;
}

const SHOWN_MS = 7000;
const MOST = 4;
let lastId = 0;

export const notices = new Store<readonly Notice[]>([]);
export const announced = new Store('');

export function toast(text: string, kind: Notice['kind'] = 'info') {
  if (notices.value.some((notice) => notice.text === text)) return;
  const notice = { id: ++lastId, text, kind };
  add(notice);
  setTimeout(() => dismiss(notice.id), kind === 'error' ? SHOWN_MS * 2 : SHOWN_MS);
}

/** Stays until it is dismissed, whatever comes after it. */
export function keep(text: string) {
  add({ id: ++lastId, text, kind: 'info', stays: true });
}

function add(notice: Notice) {
  const kept = notices.value.filter((one) => one.stays);
  const passing = notices.value.filter((one) => !one.stays);
  const all = notice.stays ? [[...kept, notice].slice(-MOST), passing] : [kept, [...passing, notice].slice(-MOST)];
  notices.set(all.flat());
}

export function dismiss(id: number) {
  notices.set(notices.value.filter((notice) => notice.id !== id));
}

/** Read out by screen readers, nothing visible. */
export function announce(text: string) {
  // The same words twice are a change only if something differs.
  announced.set(announced.value === text ? `${text}\u00a0` : text);
}
