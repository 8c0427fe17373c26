import { act, cleanup, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test, vi } from 'vitest';
import type { Upload } from './sdk';
import { formatRest, formatSize } from './sizes';
import { UploadRow } from './UploadRow';

afterEach(cleanup);

function uploadOf(change: Partial<Upload> = {}) {
  const watchers = new Set<() => void>();
  const upload = {
    name: 'film.mp4', size: 200_000_000, state: 'sending', sent: 50_000_000, speed: 5_000_000, message: '', file: null,
    cancel: vi.fn(), retry: vi.fn(),
    onChange: (listener: () => void) => {
      watchers.add(listener);
      return () => void watchers.delete(listener);
    },
    ...change,
  };
  const set = (more: Partial<Upload>) => act(() => {
    Object.assign(upload, more);
    watchers.forEach((watcher) => watcher());
  });
  const onClose = vi.fn();
  const { unmount } = render(<UploadRow upload={upload as Upload} onClose={onClose} />);
  return { upload, set, onClose, unmount, watchers };
}
const words = (text: string | RegExp) => screen.getByText(text);

test('what is on the way shows how far, how fast and how long', () => {
  const { set } = uploadOf();
  expect(words('50 MB of 200 MB · 5 MB/s · 30 s left')).toBeTruthy();
  const bar = screen.getByRole<HTMLProgressElement>('progressbar', { name: 'film.mp4' });
  expect([bar.value, bar.max]).toEqual([50_000_000, 200_000_000]);
  set({ sent: 100_000_000, speed: 0 });
  expect(words('100 MB of 200 MB')).toBeTruthy();
  set({ message: 'The connection is lost. The upload goes on as soon as it is back.' });
  expect(words(/^The connection is lost/)).toBeTruthy();
});

test('waiting, being checked and done are told apart', () => {
  const { set } = uploadOf({ state: 'waiting', sent: 0, speed: 0 });
  expect(words('Waits for the others · 200 MB')).toBeTruthy();
  set({ state: 'checking' });
  expect(words('The server checks it…')).toBeTruthy();
  expect(screen.getByRole('progressbar').hasAttribute('value')).toBe(false);
  set({ state: 'done' });
  expect(words('200 MB')).toBeTruthy();
  expect(screen.queryByRole('progressbar')).toBeNull();
  expect(screen.queryByRole('button')).toBeNull();
});

test('the button to cancel keeps the focus and becomes the one that puts away', async () => {
  const { upload, set, onClose } = uploadOf();
  await userEvent.click(screen.getByRole('button', { name: 'Cancel the upload of film.mp4' }));
  expect(upload.cancel).toHaveBeenCalledOnce();
  expect(onClose).not.toHaveBeenCalled();
  set({ state: 'cancelled' });
  expect(words('Cancelled')).toBeTruthy();
  expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Take film.mp4 off the list' }));
  await userEvent.keyboard('{Enter}');
  expect(onClose).toHaveBeenCalledOnce();
});

test('a failure is read out, and can be tried again', async () => {
  const { upload } = uploadOf({ state: 'failed', message: 'This is no picture.' });
  expect(screen.getByRole('alert').textContent).toBe('This is no picture.');
  await userEvent.click(screen.getByRole('button', { name: 'Try to upload film.mp4 again' }));
  expect(upload.retry).toHaveBeenCalledOnce();
});

test('a row that is gone listens no more', () => {
  const { watchers, unmount } = uploadOf();
  expect(watchers.size).toBe(1);
  unmount();
  expect(watchers.size).toBe(0);
});

test.each([
  [0, '0 byte'],
  [999, '999 byte'],
  [1000, '1 kB'],
  [1_234_567, '1.2 MB'],
  [123_456_789, '123 MB'],
  [999_999_999, '1 GB'],
  [5_000_000_000_000, '5,000 GB'],
])('%i bytes are read as %s', (bytes, said) => expect(formatSize(bytes)).toBe(said));

test.each([
  [0.2, '1 s left'],
  [42.4, '42 s left'],
  [150, '3 min left'],
  [7200, 'more than an hour left'],
])('%f seconds are read as %s', (seconds, said) => expect(formatRest(seconds)).toBe(said));
