import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactElement } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { heightOf } from './Attached';
import { MOST_FILES } from './attachments';
import { History } from './history';
import setup from './room';
import { CALM, message, pageOf, refusal, roomOf, stored, type Asked } from './testing';

type Answer = (asked: Asked) => unknown;

const taken: Answer = ({ method, path, body }) => {
  if (method !== 'POST' || path !== '/messages') return pageOf([]);
  const { client_id, text, files = [] } = body as { client_id: string; text: string; files?: string[] };
  const author = { identity: 'ada', name: 'Ada', is_host: false };
  return message(900, { id: client_id, client_id, text, mine: true, author, files: files.map((id) => stored(id)) });
};
const showing = (...messages: ReturnType<typeof message>[]): Answer => (asked) => (asked.method === 'GET' ? pageOf(messages) : taken(asked));

async function panelOf(answer: Answer = taken, options: Parameters<typeof roomOf>[1] = {}) {
  const made = roomOf(answer, options);
  void setup(made.room);
  made.heard.get('connected')!();
  const { component } = made.added.get('chat') as unknown as { component: () => ReactElement };
  const shown = render(component());
  await waitFor(() => expect(screen.queryByText('Loading the chat…')).toBeNull());
  const hear = (payload: unknown) => act(() => made.heard.get('data:chat')!(payload));
  // What isn't accepted is chosen all the same: the server says no.
  return { ...made, ...shown, hear, user: userEvent.setup({ applyAccept: false }) };
}

const file = (name: string, type = 'application/pdf') => new File(['x'], name, { type });
const box = () => screen.getByRole('textbox', { name: 'Message' });
const send = () => screen.getByRole('button', { name: 'Send' }) as HTMLButtonElement;
const chooser = () => document.querySelector<HTMLInputElement>('input[type=file]');
const posts = (asked: Asked[]) => asked.filter(({ method }) => method === 'POST');
const panel = () => document.querySelector('.chat')!;

/** What a browser hands over at a drop or a paste. */
function transfer(files: File[], { types = ['Files'], folders = [] as string[] } = {}) {
  const items = [...files.map((one) => [one, false] as const), ...folders.map((name) => [file(name), true] as const)];
  return {
    types,
    files,
    items: items.map(([one, isDirectory]) => ({ kind: 'file', getAsFile: () => one, webkitGetAsEntry: () => ({ isDirectory, name: one.name }) })),
    dropEffect: '',
  };
}

beforeEach(() => {
  vi.stubGlobal('ResizeObserver', class { observe() {} unobserve() {} disconnect() {} });
  const high = (element: Element) => (element.matches('.chat-scroll') ? 480 : 60);
  Object.defineProperties(HTMLElement.prototype, {
    offsetHeight: { configurable: true, get(this: HTMLElement) { return high(this); } },
    clientHeight: { configurable: true, get(this: HTMLElement) { return high(this); } },
    offsetWidth: { configurable: true, get: () => 320 },
  });
  HTMLElement.prototype.hidePopover = () => undefined;
  HTMLElement.prototype.scrollTo = () => undefined;
  vi.stubGlobal('fetch', vi.fn(async () => new Response()));
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

// --- into a message ---

test('a chosen file goes with the message, which is sent once the file has arrived', async () => {
  const { asked, uploads, said, user } = await panelOf();
  await user.upload(chooser()!, file('notes.pdf'));
  expect(said.upload.mock.calls[0][1]).toEqual({ begin: '/attachments', body: { to: 'everyone' } });
  expect(send().disabled).toBe(true);
  expect(send().title).toBe('You can send the message as soon as the files have arrived.');
  await user.type(box(), 'Look{Enter}');
  expect(posts(asked)).toEqual([]);
  uploads[0].arrive();
  expect(said.announce).toHaveBeenCalledWith('notes.pdf is uploaded.');
  await user.type(box(), '{Enter}');
  await waitFor(() => expect(posts(asked).at(-1)!.body).toMatchObject({ text: 'Look', files: ['file-notes.pdf'] }));
  expect(screen.queryByRole('list', { name: 'Files of this message' })).toBeNull();
});

test('a message with a file needs no text, one without does', async () => {
  const { asked, uploads, user } = await panelOf();
  expect(send().disabled).toBe(true);
  await user.upload(chooser()!, file('notes.pdf'));
  uploads[0].arrive();
  await user.click(send());
  await waitFor(() => expect(posts(asked).at(-1)!.body).toMatchObject({ text: '', files: ['file-notes.pdf'] }));
  expect(send().disabled).toBe(true);
});

test('five files are enough for one message', async () => {
  const { uploads, said, user } = await panelOf();
  await user.upload(chooser()!, Array.from({ length: MOST_FILES + 1 }, (_, n) => file(`${n}.pdf`)));
  expect(uploads).toHaveLength(MOST_FILES);
  expect(said.toast).toHaveBeenCalledWith('A message can have up to 5 files.', { kind: 'error' });
  expect(screen.getByRole('button', { name: 'Attach files' })).toHaveProperty('disabled', true);
});

test('what is cancelled or removed goes with nothing, and the server forgets it', async () => {
  const { asked, uploads, user } = await panelOf();
  await user.upload(chooser()!, [file('a.pdf'), file('b.pdf'), file('c.pdf')]);
  await user.click(screen.getByRole('button', { name: 'Cancel the upload of a.pdf' }));
  expect(uploads[0].cancel).toHaveBeenCalled();
  uploads[1].arrive();
  uploads[2].arrive();
  await user.click(screen.getByRole('button', { name: 'Remove b.pdf' }));
  expect(fetch).toHaveBeenCalledWith('/api/uploads/file-b.pdf', expect.objectContaining({ method: 'DELETE' }));
  await waitFor(() => expect(document.activeElement).toBe(box()));
  await user.click(send());
  await waitFor(() => expect(posts(asked).at(-1)!.body).toMatchObject({ files: ['file-c.pdf'] }));
});

test('a file that failed keeps the message back until it is tried again or removed', async () => {
  const { asked, uploads, user } = await panelOf();
  await user.upload(chooser()!, file('evil.exe'));
  uploads[0].set({ state: 'failed', message: 'Files of the type .exe can’t be sent here.' });
  expect(screen.getByRole('alert').textContent).toBe('Files of the type .exe can’t be sent here.');
  expect(send().title).toBe('A file didn’t arrive. Try it again or remove it.');
  await user.type(box(), 'without it{Enter}');
  expect(posts(asked)).toEqual([]);
  await user.click(screen.getByRole('button', { name: 'Take evil.exe off the list' }));
  await user.type(box(), '{Enter}');
  await waitFor(() => expect(posts(asked).at(-1)!.body).not.toHaveProperty('files'));
});

test('what was chosen for the hosts doesn’t go to everyone, the other way round it does', async () => {
  const { asked, uploads, said, user } = await panelOf();
  await user.selectOptions(screen.getByLabelText('To'), 'The hosts only');
  await user.upload(chooser()!, file('grades.pdf'));
  expect(said.upload.mock.calls[0][1].body).toEqual({ to: 'hosts' });
  uploads[0].arrive();
  await user.selectOptions(screen.getByLabelText('To'), 'Everyone');
  expect(screen.getByText(/These files were chosen for the hosts only\./)).toBeTruthy();
  expect(send().disabled).toBe(true);
  await user.click(screen.getByRole('button', { name: 'Remove grades.pdf' }));
  await user.upload(chooser()!, file('open.pdf'));
  uploads[1].arrive();
  await user.selectOptions(screen.getByLabelText('To'), 'The hosts only');
  await user.click(send());
  await waitFor(() => expect(posts(asked).at(-1)!.body).toMatchObject({ to: 'hosts', files: ['file-open.pdf'] }));
});

test('an answer to one person takes no files', async () => {
  const { uploads, said, user } = await panelOf(showing(message(1, { audience: 'hosts' })), { isHost: true });
  await user.click(screen.getByText('Answer'));
  expect(screen.getByRole('button', { name: 'Attach files' })).toHaveProperty('disabled', true);
  fireEvent.drop(panel(), { dataTransfer: transfer([file('a.pdf')]) });
  expect(uploads).toEqual([]);
  expect(said.toast).toHaveBeenCalledWith('Files go to everyone or to the hosts, not to one person.', { kind: 'error' });
});

test('files are dropped and pasted into the panel, folders are refused in words', async () => {
  const { uploads, said } = await panelOf();
  fireEvent.dragOver(panel(), { dataTransfer: transfer([]) });
  expect(screen.getByText('Drop them: they go with your next message.')).toBeTruthy();
  fireEvent.drop(panel(), { dataTransfer: transfer([file('a.pdf')], { folders: ['thesis'] }) });
  expect(screen.queryByText('Drop them: they go with your next message.')).toBeNull();
  expect(said.toast).toHaveBeenCalledWith('Folders can’t be sent: make an archive of them.', { kind: 'error' });
  fireEvent.paste(box(), { clipboardData: transfer([file('image.png', 'image/png')]) });
  expect(uploads.map(({ name }) => name)).toEqual(['a.pdf', 'image.png']);
});

test('text stays text, also where a program pastes a picture of it along', async () => {
  const { uploads } = await panelOf();
  fireEvent.paste(box(), { clipboardData: transfer([file('image.png')], { types: ['text/plain', 'text/html', 'Files'] }) });
  fireEvent.paste(box(), { clipboardData: transfer([], { types: ['text/plain'] }) });
  fireEvent.drop(panel(), { dataTransfer: transfer([], { types: ['text/plain'] }) });
  expect(uploads).toEqual([]);
});

test('who may not attach is offered nothing, and nothing is taken', async () => {
  for (const state of [{ ...CALM, may_attach: false }, { ...CALM, mode: 'hosts' as const }]) {
    const { uploads } = await panelOf(() => pageOf([], { state }));
    expect(chooser()).toBeNull();
    fireEvent.drop(panel(), { dataTransfer: transfer([file('a.pdf')]) });
    fireEvent.paste(panel(), { clipboardData: transfer([file('a.pdf')]) });
    expect(uploads).toEqual([]);
    cleanup();
  }
});

test('a draft keeps its words, not its files', async () => {
  const kept = new Map<string, unknown>();
  const first = await panelOf(taken, { kept });
  await first.user.type(box(), 'half a thought');
  await first.user.upload(chooser()!, file('a.pdf'));
  first.uploads[0].arrive();
  first.unmount();
  await panelOf(taken, { kept });
  expect(box()).toHaveProperty('value', 'half a thought');
  expect(screen.queryByText('a.pdf')).toBeNull();
});

test('uploads go on while the panel is closed', async () => {
  const { uploads, user, unmount, added } = await panelOf();
  await user.upload(chooser()!, file('a.pdf'));
  unmount();
  uploads[0].arrive();
  render((added.get('chat') as unknown as { component: () => ReactElement }).component());
  expect(screen.getByRole('button', { name: 'Remove a.pdf' })).toBeTruthy();
});

test('a line that was not sent shows its files, takes them along the next time, or lets go of them', async () => {
  let isOff = true;
  const { asked, uploads, user } = await panelOf((one) => {
    if (one.method === 'POST' && isOff) throw refusal(403, 'hosts_attach', 'In this room the hosts attach files.');
    return taken(one);
  });
  const fail = async (name: string) => {
    await user.upload(chooser()!, file(name));
    uploads.at(-1)!.arrive();
    await user.click(send());
    await screen.findByText(/Not sent\. In this room the hosts attach files\./);
    expect(screen.getByText(name)).toBeTruthy();
  };
  await fail('a.pdf');
  isOff = false;
  await user.click(screen.getByRole('button', { name: 'Send again' }));
  await waitFor(() => expect(screen.queryByText(/Not sent/)).toBeNull());
  expect(posts(asked).at(-1)!.body).toMatchObject({ files: ['file-a.pdf'] });
  isOff = true;
  await fail('b.pdf');
  await user.click(screen.getByRole('button', { name: 'Discard' }));
  expect(fetch).toHaveBeenCalledWith('/api/uploads/file-b.pdf', expect.objectContaining({ method: 'DELETE' }));
});

// --- in a line ---

test('a file is a link in a new tab, a picture is seen', async () => {
  const picture = stored('board.png', { mime: 'image/png', preview: true });
  await panelOf(showing(message(1, { text: '', files: [stored('notes.pdf'), picture] })));
  const [notes, board] = within(screen.getByRole('list', { name: 'Files' })).getAllByRole('link');
  expect([notes.getAttribute('href'), notes.getAttribute('target'), notes.getAttribute('rel')]).toEqual(['/files/file-notes.pdf', '_blank', 'noopener']);
  expect(notes.textContent).toBe('notes.pdf1000 B');
  expect(notes.querySelector('img')).toBeNull();
  const shown = board.querySelector('img')!;
  expect([shown.getAttribute('src'), shown.getAttribute('loading')]).toEqual(['/files/file-board.png/preview', 'lazy']);
  expect(screen.queryByText(/removed/i)).toBeNull();
  expect(screen.getByRole('button', { name: /^Actions/ })).toBeTruthy();
});

test.each([
  [{ scan: 'waiting' }, 'It is being checked…'],
  [{ scan: 'failed' }, 'It couldn’t be checked for viruses.'],
  [{ state: 'checking' }, 'It is being checked…'],
  [{ state: 'refused', scan: 'infected', refused_because: 'There is a virus in it.' }, 'Refused: There is a virus in it.'],
] as const)('a file that isn’t handed out is no link and says why: %o', async (more, words) => {
  await panelOf(showing(message(1, { files: [stored('a.png', { mime: 'image/png', preview: true, ...more })] })));
  expect(screen.getByText(words)).toBeTruthy();
  expect(screen.queryByRole('link')).toBeNull();
  expect(document.querySelector('.chat-file img')).toBeNull();
});

test('a picture that comes later takes the place that was kept for it', async () => {
  const before = stored('a.png', { mime: 'image/png' });
  const { hear } = await panelOf(showing(message(1, { files: [before] })));
  const now = { ...before, preview: true };
  expect(heightOf([now])).toBe(heightOf([before]));
  hear({ after: 1e6, upto: 2e6, messages: [message(1, { version: 2e6, files: [now] })] });
  expect(document.querySelector('.chat-file img')).toBeTruthy();
  expect(document.querySelector('.chat-file')!.getAttribute('data-picture')).toBe('true');
});

test('what is said of a message without words are the names of its files', async () => {
  const one = message(1, { text: '', files: [stored('a.pdf'), stored('b.pdf')] });
  const { user } = await panelOf((asked) => (asked.method === 'GET' ? pageOf([one], { state: { ...CALM, pinned: [one] } }) : taken(asked)));
  expect(within(screen.getByRole('list', { name: 'Pinned' })).getByText('a.pdf, b.pdf')).toBeTruthy();
  expect(screen.queryByText('Copy text')).toBeNull();
  await user.click(screen.getByText('Answer'));
  expect(document.querySelector('.chat-subject')!.textContent).toContain('a.pdf, b.pdf');
});

test('an answer shows that a file was answered, or that it was removed', async () => {
  const reply = { id: 'm1', name: 'Bob', text: '' };
  await panelOf(showing(message(2, { reply: { ...reply, has_files: true } }), message(3, { reply })));
  expect([...document.querySelectorAll('.chat-quote')].map(({ textContent }) => textContent)).toEqual(['Bob File', 'Bob removed']);
});

test('when a message of files alone is removed, answers to it show that', () => {
  const history = new History('ada');
  const answered = message(1, { text: '', files: [stored('a.pdf')] });
  history.reset([answered, message(2, { reply: { id: 'm1', name: 'Bob', text: '', has_files: true } })], false);
  history.take([{ ...answered, files: undefined, removed_by: 'author', version: 9e6 }], true);
  expect(history.lines[1].reply).toEqual({ id: 'm1', name: 'Bob', text: '', has_files: false });
});
