import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ReviewDesk } from './desk';
import { Review } from './Review';
import { cleaned, clock, EMPTY, isSame, moved } from './summary';
import { FakeServer, FakeSource, line, pageOf, SUMMARY } from './testing';

let server: FakeServer;
beforeEach(() => {
  vi.stubGlobal('EventSource', FakeSource);
  FakeSource.made = [];
  sessionStorage.clear();
  server = new FakeServer();
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLElement.prototype.scrollIntoView = vi.fn();
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

async function open() {
  const page = pageOf(server);
  const desk = new ReviewDesk(page);
  render(<Review desk={desk} />);
  await act(async () => {
    desk.open();
    await vi.waitFor(() => expect(desk.linesState === 'there' || desk.failure !== '').toBe(true));
  });
  return { page, desk, user: userEvent.setup() };
}

const hear = (name: string) => act(async () => FakeSource.say(name));
const sentence = (at: number) => screen.getAllByRole<HTMLTextAreaElement>('textbox', { name: `Sentence ${at}` })[0];
const button = (name: string | RegExp) => screen.getByRole('button', { name });
const sent = (method: string, path: string) => server.asked.filter((one) => one[0] === method && one[1].startsWith(path));

// --- the summary alone ----------------------------------------------------------------

test('empty entries are not saved', () => {
  const summary = { ...SUMMARY, overview: [...SUMMARY.overview, { text: '  ', cites: [] }], topics: [{ title: ' ', at: 0, text: [{ text: '', cites: [] }] }], actions: [{ who: 'Ben', what: '', until: '', cites: [] }] };
  expect(cleaned(summary)).toEqual({ ...SUMMARY, topics: [], actions: [] });
});

test('nothing moves past the ends', () => {
  const list = ['a', 'b'];
  expect(moved(list, 0, -1)).toBe(list);
  expect(moved(list, 1, 1)).toBe(list);
  expect(moved(list, 0, 1)).toEqual(['b', 'a']);
});

test('two summaries are the same whatever the order of their keys', () => {
  const { overview, ...rest } = SUMMARY;
  expect(isSame(SUMMARY, { ...rest, overview: overview.map(({ text, cites }) => ({ cites, text })) })).toBe(true);
  expect(isSame(null, EMPTY)).toBe(true);
  expect(isSame(SUMMARY, { ...SUMMARY, overview: [] })).toBe(false);
});

test('times are read as clocks', () => {
  expect([0, 65, 3665.9, -3].map(clock)).toEqual(['0:00', '1:05', '1:01:05', '0:00']);
});

// --- writing --------------------------------------------------------------------------

test('what a host writes is kept until it is saved', async () => {
  const { desk, user } = await open();
  await user.clear(sentence(1));
  await user.type(sentence(1), 'Better words.');
  expect(screen.getByText('Not saved yet')).toBeTruthy();
  expect(sessionStorage.length).toBe(1);
  const leaving = new Event('beforeunload', { cancelable: true });
  dispatchEvent(leaving);
  expect(leaving.defaultPrevented).toBe(true);
  await user.click(button('Save'));
  await waitFor(() => expect(desk.mine).toBeNull());
  expect(server.review.summary!.overview[0]).toEqual({ text: 'Better words.', cites: [1, 2] });
  expect(sessionStorage.length).toBe(0);
  expect(screen.queryByText('Not saved yet')).toBeNull();
});

test('entries are added, moved and removed by buttons and keys, and the focus goes with them', async () => {
  const { desk, user } = await open();
  await user.click(screen.getAllByRole('button', { name: 'Move down: Sentence 1' })[0]);
  expect(sentence(2).value).toBe('Eigenvalues were explained.');
  expect(document.activeElement).toBe(sentence(2));
  await user.keyboard('{Alt>}{ArrowUp}{/Alt}');
  expect(document.activeElement).toBe(sentence(1));
  expect(sentence(1).value).toBe('Eigenvalues were explained.');
  await user.click(screen.getAllByRole('button', { name: 'Add a sentence' })[0]);
  expect(document.activeElement).toBe(sentence(3));
  await user.keyboard('Mine.');
  await user.click(screen.getAllByRole('button', { name: 'Remove: Sentence 2' })[0]);
  expect(desk.summary!.overview.map((one) => one.text)).toEqual(['Eigenvalues were explained.', 'Mine.']);
  expect(document.activeElement).toBe(sentence(2));
  expect(screen.getByText('Written by a host')).toBeTruthy();
  await user.keyboard('{Control>}s{/Control}');
  await waitFor(() => expect(server.review.summary!.overview).toHaveLength(2));
});

test('topics, things to do and questions are written too', async () => {
  const { user } = await open();
  await user.type(screen.getByRole('textbox', { name: 'Title' }), '!');
  await user.type(screen.getByRole('textbox', { name: 'Until when' }), ' noon');
  await user.type(screen.getByRole('textbox', { name: 'Answer' }), ' Yes.');
  await user.click(button('Add a topic'));
  await user.keyboard('Trace');
  await user.click(button('Save'));
  await waitFor(() => expect(server.review.edited).toBe(true));
  expect(server.review.summary!.topics.map((one) => one.title)).toEqual(['Eigenvectors!', 'Trace']);
  expect(server.review.summary!.actions[0].until).toBe('Friday noon');
  expect(server.review.summary!.questions[0].answer).toBe('Because. Yes.');
});

test('unsaved words come back after the page was closed', async () => {
  const { user } = await open();
  await user.type(sentence(1), ' More.');
  cleanup();
  await open();
  expect(sentence(1).value).toBe('Eigenvalues were explained. More.');
  await userEvent.click(button('Discard'));
  expect(sentence(1).value).toBe('Eigenvalues were explained.');
});

test('a save that fails keeps the words and says why', async () => {
  const { page, user } = await open();
  await user.type(sentence(1), ' More.');
  server.isDown = true;
  await user.click(button('Save'));
  expect(page.toast).toHaveBeenCalledWith('The server is away.', { kind: 'error' });
  expect(sentence(1).value).toBe('Eigenvalues were explained. More.');
  server.isDown = false;
  await user.click(button('Save'));
  await waitFor(() => expect(server.review.edited).toBe(true));
});

test('what is typed while it is saved stays unsaved', async () => {
  const { desk } = await open();
  desk.change({ ...SUMMARY, overview: [] });
  const saving = desk.save();
  desk.change({ ...SUMMARY, overview: [], topics: [] });
  await act(() => saving);
  expect(desk.mine?.topics).toEqual([]);
  expect(desk.conflict).toBe(false);
  await act(() => desk.save());
  expect(server.review.summary!.topics).toEqual([]);
});

// --- somebody else --------------------------------------------------------------------

test('somebody else’s text is neither lost nor does it take mine', async () => {
  const { desk, user } = await open();
  await user.type(sentence(1), ' Mine.');
  server.change({ summary: { ...SUMMARY, actions: [] }, edited: true });
  await user.click(button('Save'));
  expect((await screen.findByRole('alert')).textContent).toContain('Somebody else has changed');
  expect(sentence(1).value).toContain('Mine.');
  expect(server.review.summary!.overview[0].text).not.toContain('Mine.');
  await user.click(button('Keep mine'));
  await user.click(button('Save'));
  await waitFor(() => expect(server.review.summary!.overview[0].text).toContain('Mine.'));
  expect(desk.mine).toBeNull();
});

test('one may take theirs instead', async () => {
  const { user } = await open();
  await user.type(sentence(1), ' Mine.');
  server.change({ summary: { ...SUMMARY, overview: [{ text: 'Theirs.', cites: [] }] } });
  await hear('changed');
  await user.click(await screen.findByRole('button', { name: 'Take theirs' }));
  expect(sentence(1).value).toBe('Theirs.');
});

test('a change of something else is no conflict', async () => {
  const { desk, user } = await open();
  await user.type(sentence(1), ' Mine.');
  server.change({ approved: true });
  await user.click(button('Save'));
  await waitFor(() => expect(desk.mine).toBeNull());
  expect(server.review.summary!.overview[0].text).toContain('Mine.');
  expect(sent('PUT', '/review')).toHaveLength(2);
});

// --- how it stands --------------------------------------------------------------------

test('the state moves by itself', async () => {
  server.review = { ...server.review, state: 'transcribing', summary: null, generated: null };
  await open();
  expect(FakeSource.made[0].url).toBe('/api/lectures/lec/stream');
  expect(screen.getByText('The last words are being written down.')).toBeTruthy();
  server.change({ state: 'summarizing', why: 'the language model has too much to do' });
  await hear('changed');
  expect(screen.getByText(/is being made.*too much to do/)).toBeTruthy();
  server.change({ state: 'failed', why: 'the account is empty', can_retry: true, summary: { ...SUMMARY, is_draft: true }, is_draft: true });
  await hear('changed');
  expect(screen.getByText(/by a language model: the account is empty/)).toBeTruthy();
  expect(screen.getByText('Draft without a language model')).toBeTruthy();
  await userEvent.click(button('Try again'));
  expect(sent('POST', '/review/retry')).toHaveLength(1);
});

test('a lost stream is opened again, and what was missed is asked for', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  await open();
  await hear('error');
  await act(() => vi.advanceTimersByTimeAsync(2000));
  await hear('error');
  expect(screen.getByText('The connection was lost. Trying again …')).toBeTruthy();
  await act(() => vi.advanceTimersByTimeAsync(4000));
  server.change({ state: 'summarizing' });
  await hear('open');
  vi.useRealTimers();
  await screen.findByText(/is being made/);
  expect(screen.queryByText('The connection was lost. Trying again …')).toBeNull();
  expect(FakeSource.made.map((one) => one.isClosed)).toEqual([true, true, false]);
});

test('approving, hiding and summing up again are asked of the server', async () => {
  const { user } = await open();
  await user.click(button('Approve'));
  await screen.findByText(/^Approved:/);
  await user.click(button('Hide'));
  await screen.findByText(/^Hidden:/);
  await user.selectOptions(screen.getByRole('combobox', { name: 'Language model' }), 'other');
  await user.click(button('Summarize again'));
  expect(sent('POST', '/review').map((one) => [one[1], one[2]])).toEqual([
    ['/review/approve', { on: true }],
    ['/review/hide', { on: true }],
    ['/review/again', { model: 'other' }],
  ]);
  expect(button('Summarize again').hasAttribute('disabled')).toBe(true);
});

test('the new version stands beside the edited one until it is taken', async () => {
  server.review = { ...server.review, edited: true, generated: { ...SUMMARY, overview: [{ text: 'Made anew.', cites: [1] }] } };
  const { user } = await open();
  expect(sentence(1).value).toBe('Eigenvalues were explained.');
  await user.click(screen.getByText('The version that was made last'));
  await user.click(button('Take this version'));
  await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Take this version' }));
  await waitFor(() => expect(sentence(1).value).toBe('Made anew.'));
});

test('a server that is away can be asked again', async () => {
  server.isDown = true;
  await open();
  expect(screen.getByRole('alert').textContent).toContain('The server is away.');
  server.isDown = false;
  await userEvent.click(button('Try again'));
  expect(await screen.findByText('Overview')).toBeTruthy();
});

test('a lecture of which nothing was kept says so', async () => {
  server.review = { ...server.review, state: 'none', summary: null, generated: null, lines: 0 };
  server.lines = [];
  await open();
  expect(screen.getByText(/Nothing was kept of this lecture/)).toBeTruthy();
  expect(screen.getByText('Nothing was kept of what was said.')).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Summarize again' })).toBeNull();
});

test('without a summary one can be written by hand', async () => {
  server.review = { ...server.review, summary: null, generated: null };
  const { user } = await open();
  await user.click(button('Write one yourself'));
  await user.click(screen.getAllByRole('button', { name: 'Add a sentence' })[0]);
  await user.keyboard('All mine.');
  await user.click(button('Save'));
  await waitFor(() => expect(server.review.summary!.overview).toEqual([{ text: 'All mine.', cites: [] }]));
});

// --- the transcript -------------------------------------------------------------------

test('a citation leads to its line and back', async () => {
  const { user } = await open();
  await user.type(screen.getByRole('searchbox'), 'exam');
  expect(screen.getByText('Found: 1 of 3 lines')).toBeTruthy();
  const cite = screen.getAllByRole('link', { name: 'Said at 0:05 by Ada' })[0];
  await user.click(cite);
  expect(document.activeElement?.id).toBe('line-1');
  await user.click(button('Back to the summary'));
  expect(document.activeElement).toBe(cite);
});

test('a citation of a line that is gone is left out', async () => {
  server.lines = server.lines.slice(1);
  await open();
  expect(screen.queryByRole('link', { name: /Said at 0:05/ })).toBeNull();
  expect(screen.getAllByRole('link', { name: /Said at 0:10/ }).length).toBeGreaterThan(0);
});

test('all pages of a long transcript are read, gaps too', async () => {
  const pages = [
    { lines: [line(1, 'One.')], next: 'a b' },
    { lines: [line(0, '', { number: null, gap: true }), line(2, 'Two.')], next: null },
  ];
  const answer = server.answer;
  server.answer = (method, path, body) => (path.startsWith('/transcript') ? (server.asked.push([method, path, body]), Promise.resolve(pages[sent('GET', '/transcript').length - 1])) : answer(method, path, body));
  await open();
  expect(sent('GET', '/transcript').map((one) => one[1])).toEqual(['/transcript?limit=500&after=', '/transcript?limit=500&after=a%20b']);
  expect(screen.getByText('0:00: nobody listened for a while')).toBeTruthy();
  expect(screen.getByText('Two.')).toBeTruthy();
});

test('a line is corrected where it stands', async () => {
  const { user } = await open();
  await user.click(button('Correct what Ada said at 0:15'));
  const field = screen.getByRole('textbox', { name: 'What was said' });
  await user.clear(field);
  await user.type(field, 'The exam is in July.');
  await user.click(button('Correct'));
  expect(await screen.findByText('The exam is in July.')).toBeTruthy();
  expect(screen.getByText('corrected')).toBeTruthy();
  expect(sent('PATCH', '/transcript')[0]).toEqual(['PATCH', '/transcript/key-3', { text: 'The exam is in July.' }]);
});

test('Escape leaves a line as it is', async () => {
  const { user } = await open();
  await user.click(button('Correct what Ada said at 0:15'));
  await user.keyboard('x{Escape}');
  expect(screen.getByText('The exam is in June, Forier.')).toBeTruthy();
  expect(sent('PATCH', '/transcript')).toHaveLength(0);
});

test('a word is corrected everywhere after one has seen what changes', async () => {
  const { page, user } = await open();
  await user.click(button('Correct a word everywhere'));
  const dialog = within(screen.getByRole('dialog'));
  expect(dialog.getByRole('button', { name: 'Correct' }).hasAttribute('disabled')).toBe(true);
  await user.type(dialog.getByLabelText('What is there'), 'Forier');
  await user.type(dialog.getByLabelText('What it should be'), 'Fourier');
  expect(await dialog.findByText('The exam is in June, Fourier.')).toBeTruthy();
  expect(dialog.getByText('Lines: 1, places in the summary: 0')).toBeTruthy();
  const before = sent('GET', '/transcript').length;
  fireEvent.submit(dialog.getByRole('button', { name: 'Correct' }).closest('form')!);
  await waitFor(() => expect(page.announce).toHaveBeenCalledWith('Corrected lines: 1'));
  expect(sent('POST', '/correct').at(-1)![2]).toEqual({ from: 'Forier', to: 'Fourier', everywhere: true, preview: false });
  expect(sent('GET', '/transcript').length).toBe(before + 1);
  expect(screen.queryByRole('dialog')).toBeNull();
});
