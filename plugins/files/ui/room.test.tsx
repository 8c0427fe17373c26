import type { RoomApi, Upload, UploadOptions } from '@audimax/room';
import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactElement } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
// eslint-disable-next-line no-restricted-imports -- the very row that the room gives to plugins
import { UploadRow } from '../../../ui/room/UploadRow';
import setup from './room';
import { MOST_AT_ONCE, type Listing, type Share } from './state';

interface Spec {
  badge(): number | null;
  component(): ReactElement;
}
type Listener = (payload?: unknown) => void;

/** An upload that does what the test says. */
class HandUpload implements Upload {
  state: Upload['state'] = 'waiting';
  sent = 0;
  speed = 0;
  message = '';
  file = null;
  private readonly watchers = new Set<() => void>();
  cancel = vi.fn(() => this.set({ state: 'cancelled' }));
  retry = vi.fn(() => this.set({ state: 'waiting' }));

  constructor(
    readonly name: string,
    readonly size: number,
  ) {}

  onChange(listener: () => void) {
    this.watchers.add(listener);
    return () => void this.watchers.delete(listener);
  }

  set(change: Partial<Pick<Upload, 'state' | 'sent' | 'speed' | 'message'>>) {
    Object.assign(this, change);
    act(() => this.watchers.forEach((watcher) => watcher()));
  }
}

let at = 1_700_000_000;
const left: AbortController[] = [];
function share(name: string, change: Partial<Share> = {}, file: Partial<Share['file']> = {}): Share {
  const id = `id-${name}`;
  const known = { id: `file-${name}`, name, mime: 'application/pdf', size: 1_234_567, state: 'ready', scan: 'off', preview: false, ...file } as Share['file'];
  return { id, file: known, by: 'Emmy Noether', at: ++at, mine: false, deletable: false, url: `/files/file-${name}`, ...change };
}

/** A room page in hand: what the server says, what was sent, what the person reads and hears. */
async function roomOf(role: 'guest' | 'host', first: Partial<Listing> = {}, kept: unknown = null) {
  const isHost = role === 'host';
  const server = { listing: { shares: [], may_share: isHost, everyone_shares: false, types: ['pdf', 'png'], largest_mb: 500, ...first } as Listing, down: false };
  const heard = new Map<string, Listener>();
  const uploads: HandUpload[] = [];
  const leaving = new AbortController();
  left.push(leaving);
  const page: { panel?: Spec; open: boolean; rerender(): void } = { open: false, rerender: () => undefined };
  const room = {
    me: { isHost, identity: 'ada' },
    info: { lectureId: 'lecture', locale: 'en' },
    signal: leaving.signal,
    api: {
      get: vi.fn(async () => {
        if (server.down) throw new Error('away');
        return server.listing;
      }),
      put: vi.fn(async () => undefined),
      delete: vi.fn(async (path: string) => {
        server.listing = { ...server.listing, shares: server.listing.shares.filter(({ id }) => !path.endsWith(id)) };
      }),
    },
    upload: vi.fn((file: File, _options: UploadOptions) => {
      uploads.push(new HandUpload(file.name, file.size));
      return uploads.at(-1)!;
    }),
    storage: { get: vi.fn(() => kept), set: vi.fn() },
    formatSize: (bytes: number) => `${bytes} B`,
    on: (event: string, listener: Listener) => heard.set(event, listener),
    panelOpen: () => page.open,
    toast: vi.fn(),
    announce: vi.fn(),
    refresh: vi.fn(() => act(() => page.rerender())),
    ui: { UploadRow, Icon: () => null },
    t: (text: string, vars: Record<string, string> = {}) => text.replace(/\{(\w+)\}/g, (_, name) => vars[name]),
    addPanel: (spec: Spec) => void (page.panel = spec),
  };
  const leave = (await setup(room as unknown as RoomApi)) as () => void;
  const connect = async () => {
    heard.get('connected')!();
    await waitFor(() => expect(room.refresh).toHaveBeenCalled());
  };
  const open = () => {
    page.open = true;
    const shown = render(page.panel!.component());
    // The server's answer may come when the page of the test is gone.
    page.rerender = () => void (shown.container.isConnected && shown.rerender(page.panel!.component()));
    return shown;
  };
  /** What the server says has changed, and the page has looked. */
  const news = async (change: Partial<Listing>) => {
    server.listing = { ...server.listing, ...change };
    const before = room.api.get.mock.calls.length;
    heard.get('data:files')!({ changed: 'x' });
    await waitFor(() => expect(room.api.get.mock.calls.length).toBeGreaterThan(before), { timeout: 6000 });
    await act(async () => undefined);
  };
  return { room, server, heard, uploads, page, connect, open, news, leave, leaving, badge: () => page.panel!.badge() };
}

const fileOf = (name: string, type = 'application/pdf') => new File(['x'], name, { type });
const transferOf = (files: File[], folders: string[] = []) => ({
  types: ['Files'],
  files,
  items: [
    ...files.map((file) => ({ kind: 'file', getAsFile: () => file, webkitGetAsEntry: () => ({ isDirectory: false, name: file.name }) })),
    ...folders.map((name) => ({ kind: 'file', getAsFile: () => fileOf(name), webkitGetAsEntry: () => ({ isDirectory: true, name }) })),
  ],
});

beforeEach(() => {
  // Nobody waits for the spread of a hall.
  vi.spyOn(Math, 'random').mockReturnValue(0);
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
    this.open = false;
    this.dispatchEvent(new Event('close'));
  };
});
afterEach(() => {
  cleanup();
  left.splice(0).forEach((one) => one.abort());
  vi.useRealTimers();
});

// --- what there is ---

test('the panel says that it loads, that nothing is there, and what to do', async () => {
  const { open, connect } = await roomOf('host');
  open();
  expect(screen.getByText('The files are being fetched…')).toBeTruthy();
  await connect();
  expect(screen.getByText(/Files that you upload are there for everybody/)).toBeTruthy();
  expect(screen.getByText('Or drop or paste them here. Up to 500 MB each.')).toBeTruthy();
});

test('a guest of a room where hosts share is told who shares, and has nothing to press', async () => {
  const { open, connect } = await roomOf('guest');
  open();
  await connect();
  expect(screen.getByText('Nothing is shared yet. Files that the hosts share appear here.')).toBeTruthy();
  expect(screen.queryByRole('button')).toBeNull();
  expect(screen.queryByRole('switch')).toBeNull();
});

test('a list that can’t be had is said so, and asked for again', async () => {
  const { open, connect, server } = await roomOf('guest');
  server.down = true;
  await connect();
  open();
  expect(screen.getByRole('alert').textContent).toBe('The files can’t be shown right now.');
  server.down = false;
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByText(/Nothing is shared yet/)).toBeTruthy();
});

test('a list that was there stays there while the server is away', async () => {
  const { open, connect, server, room, heard } = await roomOf('guest', { shares: [share('a.pdf')] });
  await connect();
  open();
  server.down = true;
  await act(async () => heard.get('connected')!());
  expect(room.api.get).toHaveBeenCalledTimes(2);
  expect(screen.getByRole('link', { name: 'a.pdf' })).toBeTruthy();
});

test('a file is listed with picture, name, size, who and when, and can be fetched without leaving the page', async () => {
  const { open, connect } = await roomOf('guest', { shares: [share('slides.pdf', { preview: '/files/file-slides.pdf/preview' })] });
  await connect();
  const { container } = open();
  const row = screen.getByRole('listitem');
  expect(within(row).getByText(/^1234567 B · \d.* · Emmy Noether$/)).toBeTruthy();
  expect(container.querySelector('img')!.getAttribute('src')).toBe('/files/file-slides.pdf/preview');
  for (const name of ['slides.pdf', 'Download slides.pdf']) {
    const link = within(row).getByRole('link', { name });
    expect([link.getAttribute('href'), link.getAttribute('target')]).toEqual(['/files/file-slides.pdf', '_blank']);
  }
  expect(within(row).queryByRole('button')).toBeNull();
});

test.each([
  [{ scan: 'waiting' }, 'Not yet scanned for viruses. It can be fetched as soon as it is.'],
  [{ scan: 'failed' }, 'It couldn’t be scanned for viruses, so it can’t be fetched.'],
  [{ scan: 'infected' }, 'A virus was found in it, so it can’t be fetched.'],
  [{ state: 'refused', refused_because: 'This is no PDF.' }, 'Refused: This is no PDF.'],
] as [Partial<Share['file']>, string][])('what can’t be fetched says why (%o)', async (file, words) => {
  const { open, connect } = await roomOf('host', { shares: [share('a.pdf', { url: undefined }, file)] });
  await connect();
  open();
  expect(screen.getByText(words)).toBeTruthy();
  expect(screen.queryByRole('link')).toBeNull();
});

// --- what is new ---

test('the badge counts what others have shared since the panel was last looked at', async () => {
  const old = share('old.pdf');
  const { badge, connect, open, news, room, server } = await roomOf('guest', { shares: [share('new.pdf', { mine: true }), old] }, { lecture: 'lecture', at: old.at });
  await connect();
  expect(badge()).toBeNull();
  const fresh = share('fresh.pdf');
  await news({ shares: [fresh, share('bad.pdf', {}, { state: 'refused' }), ...server.listing.shares] });
  expect(badge()).toBe(1);
  expect(room.announce).toHaveBeenCalledWith('Emmy Noether shares the file fresh.pdf.');
  open();
  expect(badge()).toBeNull();
  expect(room.storage.set).toHaveBeenLastCalledWith('seen', { lecture: 'lecture', at: expect.any(Number) });
});

test('a latecomer’s badge counts what is there, and nothing is read out', async () => {
  const { badge, connect, room } = await roomOf('guest', { shares: [share('a.pdf'), share('b.pdf')] }, { lecture: 'last week', at: 9e9 });
  await connect();
  expect(badge()).toBe(2);
  expect(room.announce).not.toHaveBeenCalled();
});

test('many at once are read out as a number', async () => {
  const { connect, news, room } = await roomOf('guest');
  await connect();
  await news({ shares: ['a', 'b', 'c'].map((name) => share(name)) });
  expect(room.announce).toHaveBeenCalledExactlyOnceWith('3 new files.');
});

test('however many packets come, the list is asked for once, and not after leaving', async () => {
  const { connect, heard, room, leave } = await roomOf('host');
  await connect();
  vi.useFakeTimers();
  for (let i = 0; i < 50; i++) heard.get('data:files')!({});
  await vi.advanceTimersByTimeAsync(10_000);
  expect(room.api.get).toHaveBeenCalledTimes(2);
  heard.get('settings')!();
  leave();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(room.api.get).toHaveBeenCalledTimes(2);
});

// --- sending ---

test('chosen files are uploaded, and what has arrived moves into the list', async () => {
  const { connect, open, uploads, room, server } = await roomOf('host');
  await connect();
  open();
  const input = screen.getByLabelText<HTMLInputElement>('Choose files', { selector: 'input' });
  expect([input.accept, input.multiple]).toEqual(['.pdf,.png', true]);
  await userEvent.upload(input, [fileOf('a.pdf'), fileOf('b.pdf')]);
  expect(room.upload.mock.calls.map(([{ name }, options]) => [name, options])).toEqual([
    ['a.pdf', { begin: '/shares' }],
    ['b.pdf', { begin: '/shares' }],
  ]);
  uploads[0].set({ state: 'sending', sent: 1, speed: 1 });
  expect(screen.getByRole('progressbar', { name: 'a.pdf' })).toBeTruthy();
  server.listing = { ...server.listing, shares: [share('a.pdf', { mine: true })] };
  uploads[0].set({ state: 'done' });
  expect(await screen.findByRole('link', { name: 'a.pdf' })).toBeTruthy();
  expect(screen.queryByRole('progressbar', { name: 'a.pdf' })).toBeNull();
  expect(room.announce).toHaveBeenCalledExactlyOnceWith('a.pdf is uploaded.');
});

test('the phone’s camera gives one picture', async () => {
  const { connect, open } = await roomOf('host');
  await connect();
  open();
  const input = screen.getByLabelText<HTMLInputElement>('Take a picture', { selector: 'input' });
  expect([input.accept, input.getAttribute('capture'), input.multiple]).toEqual(['image/*', 'environment', false]);
});

test('files are dropped anywhere on the panel; folders are named', async () => {
  const { connect, open, room } = await roomOf('host');
  await connect();
  const { container } = open();
  const panel = container.querySelector('.files-panel')!;
  fireEvent.dragOver(panel, { dataTransfer: transferOf([]) });
  expect(screen.getByText('Drop them: they are uploaded at once.')).toBeTruthy();
  fireEvent.dragLeave(panel, { relatedTarget: document.body });
  expect(screen.queryByText('Drop them: they are uploaded at once.')).toBeNull();
  fireEvent.drop(panel, { dataTransfer: transferOf([fileOf('a.pdf')], ['photos']) });
  expect(room.upload).toHaveBeenCalledOnce();
  expect(room.toast).toHaveBeenCalledExactlyOnceWith('Folders can’t be uploaded: make an archive of photos.', { kind: 'error' });
});

test('who may not share drops nothing', async () => {
  const { connect, open, room } = await roomOf('guest');
  await connect();
  const { container } = open();
  const panel = container.querySelector('.files-panel')!;
  fireEvent.dragOver(panel, { dataTransfer: transferOf([]) });
  fireEvent.drop(panel, { dataTransfer: transferOf([fileOf('a.pdf')]) });
  expect(panel.getAttribute('data-over')).toBe('false');
  expect(room.upload).not.toHaveBeenCalled();
});

test('a file that misses the panel doesn’t take the browser out of the lecture', async () => {
  const { leaving } = await roomOf('guest');
  const drop = () => {
    const event = Object.assign(new Event('drop', { cancelable: true }), { dataTransfer: { types: ['Files'], dropEffect: 'copy' } });
    dispatchEvent(event);
    return event.defaultPrevented;
  };
  expect(drop()).toBe(true);
  leaving.abort();
  expect(drop()).toBe(false);
});

test('a picture from the clipboard is uploaded, unless somebody writes just then', async () => {
  const { connect, open, room } = await roomOf('host');
  await connect();
  open();
  const clipboardData = transferOf([fileOf('image.png', 'image/png')]);
  const input = document.body.appendChild(document.createElement('textarea'));
  fireEvent.paste(input, { clipboardData });
  expect(room.upload).not.toHaveBeenCalled();
  fireEvent.paste(document.body, { clipboardData });
  expect(room.upload).toHaveBeenCalledOnce();
  input.remove();
});

test('a flood of files is cut with a word', async () => {
  const { connect, open, room } = await roomOf('host');
  await connect();
  const { container } = open();
  fireEvent.drop(container.querySelector('.files-panel')!, { dataTransfer: transferOf(Array.from({ length: MOST_AT_ONCE + 1 }, (_, i) => fileOf(`${i}.pdf`))) });
  expect(room.upload).toHaveBeenCalledTimes(MOST_AT_ONCE);
  expect(room.toast).toHaveBeenCalledOnce();
});

test('an upload can be cancelled, tried again and put away, by keyboard alone', async () => {
  const { connect, open, uploads } = await roomOf('host');
  await connect();
  open();
  await userEvent.upload(screen.getByLabelText('Choose files', { selector: 'input' }), [fileOf('a.pdf')]);
  const [upload] = uploads;
  upload.set({ state: 'failed', message: 'Files of the type .exe can’t be sent here.' });
  expect(screen.getByRole('alert').textContent).toBe('Files of the type .exe can’t be sent here.');
  screen.getByRole('button', { name: 'Try to upload a.pdf again' }).focus();
  await userEvent.keyboard('{Enter}');
  expect(upload.retry).toHaveBeenCalledOnce();
  expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Cancel the upload of a.pdf' }));
  await userEvent.keyboard('{Enter}');
  expect(upload.state).toBe('cancelled');
  await userEvent.keyboard('{Enter}');
  expect(screen.queryByText('a.pdf')).toBeNull();
  expect(document.activeElement).toBe(screen.getByRole('heading', { name: 'Shared files' }));
});

// --- deleting, and who shares ---

test('a file is deleted after a question, and the keyboard goes on at the list', async () => {
  const { connect, open, room } = await roomOf('host', { shares: [share('a.pdf', { deletable: true }), share('b.pdf')] });
  await connect();
  open();
  const button = screen.getByRole('button', { name: 'Delete a.pdf' });
  await userEvent.click(button);
  await userEvent.click(screen.getByRole('button', { name: 'Keep it' }));
  expect(room.api.delete).not.toHaveBeenCalled();
  await userEvent.click(button);
  await userEvent.click(screen.getByRole('button', { name: 'Delete' }));
  await waitFor(() => expect(screen.queryByText('a.pdf')).toBeNull());
  expect(room.api.delete).toHaveBeenCalledExactlyOnceWith('/shares/id-a.pdf');
  expect(room.announce).toHaveBeenCalledExactlyOnceWith('a.pdf is deleted.');
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(document.activeElement).toBe(screen.getByRole('heading', { name: 'Shared files' }));
  expect(screen.queryByRole('button', { name: 'Delete b.pdf' })).toBeNull();
});

test('a deletion that is refused is shown in its words, and the question stays', async () => {
  const { connect, open, room } = await roomOf('host', { shares: [share('a.pdf', { deletable: true })] });
  await connect();
  open();
  room.api.delete.mockRejectedValue(new Error('Not now.'));
  await userEvent.click(screen.getByRole('button', { name: 'Delete a.pdf' }));
  await userEvent.click(screen.getByRole('button', { name: 'Delete' }));
  await waitFor(() => expect(room.toast).toHaveBeenCalledWith('Not now.', { kind: 'error' }));
  expect(screen.getByRole('link', { name: 'a.pdf' })).toBeTruthy();
});

test('a host lets everybody share', async () => {
  const { connect, open, room, server } = await roomOf('host');
  await connect();
  open();
  server.listing = { ...server.listing, everyone_shares: true };
  await userEvent.click(screen.getByRole('switch', { name: 'Everybody may share files' }));
  expect(room.api.put).toHaveBeenCalledWith('/settings', { everyone: true });
  await waitFor(() => expect(screen.getByRole<HTMLInputElement>('switch').checked).toBe(true));
});

test('a guest whom the host lets share gets the buttons at once', async () => {
  const { connect, open, news } = await roomOf('guest');
  await connect();
  open();
  expect(screen.queryByRole('button', { name: 'Choose files' })).toBeNull();
  await news({ may_share: true, everyone_shares: true });
  expect(screen.getByRole('button', { name: 'Choose files' })).toBeTruthy();
});
