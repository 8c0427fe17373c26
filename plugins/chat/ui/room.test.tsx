import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactElement } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { continues, itemsOf } from './List';
import type { Message } from './messages';
import setup from './room';
import { CALM, message, pageOf, refusal, roomOf, type Asked } from './testing';

type Answer = (asked: Asked) => unknown;

/** What isn't said otherwise: an empty chat that takes everything. */
const usual: Answer = ({ method, path, body }) => {
  if (method === 'POST' && path === '/messages') {
    const { client_id, text } = body as { client_id: string; text: string };
    return message(900, { id: client_id, client_id, text, mine: true, author: { identity: 'ada', name: 'Ada', is_host: false } });
  }
  return pageOf([]);
};

async function panelOf(answer: Answer = usual, options: Parameters<typeof roomOf>[1] = {}) {
  const made = roomOf(answer, options);
  void setup(made.room);
  made.heard.get('connected')!();
  const { component, badge } = made.added.get('chat') as unknown as { component: () => ReactElement; badge: () => unknown };
  const shown = render(component());
  await waitFor(() => expect(screen.queryByText('Loading the chat…')).toBeNull());
  const hear = (payload: unknown) => act(() => made.heard.get('data:chat')!(payload));
  return { ...made, ...shown, badge, hear, user: userEvent.setup() };
}

const withMessages =
  (...messages: Message[]): Answer =>
  (asked) =>
    asked.method === 'GET' ? pageOf(messages) : usual(asked);
const box = () => screen.getByRole('textbox', { name: 'Message' });
const hostOne = message(1, { author: { identity: 'prof', name: 'Emmy', is_host: true } });

/** jsdom lays nothing out and has no popovers. */
beforeEach(() => {
  vi.stubGlobal('ResizeObserver', class { observe() {} unobserve() {} disconnect() {} });
  const heightOf = (element: Element) => (element.matches('.chat-scroll') ? 480 : 60);
  Object.defineProperties(HTMLElement.prototype, {
    offsetHeight: { configurable: true, get(this: HTMLElement) { return heightOf(this); } },
    clientHeight: { configurable: true, get(this: HTMLElement) { return heightOf(this); } },
    offsetWidth: { configurable: true, get: () => 320 },
  });
  HTMLElement.prototype.hidePopover = () => undefined;
  HTMLElement.prototype.scrollTo = function scrollTo(this: HTMLElement, to?: ScrollToOptions | number) {
    this.scrollTop = typeof to === 'object' ? (to.top ?? 0) : 0;
    this.dispatchEvent(new Event('scroll'));
  } as typeof HTMLElement.prototype.scrollTo;
});
afterEach(cleanup);

test('Enter sends, Shift and Enter begins a line, what is being composed is not sent', async () => {
  const { asked, user } = await panelOf();
  await user.type(box(), 'one{Shift>}{Enter}{/Shift}two');
  fireEvent.keyDown(box(), { key: 'Enter', isComposing: true });
  expect(asked.some(({ method }) => method === 'POST')).toBe(false);
  await user.type(box(), '{Enter}');
  await waitFor(() => expect(asked.at(-1)!.body).toMatchObject({ text: 'one\ntwo', to: 'everyone', is_question: false }));
  expect(box()).toHaveProperty('value', '');
  await user.type(box(), '   {Enter}');
  expect(asked.filter(({ method }) => method === 'POST')).toHaveLength(1);
});

test('a message goes to the hosts, and as a question, where one says so', async () => {
  const { asked, user } = await panelOf();
  await user.selectOptions(screen.getByLabelText('To'), 'The hosts only');
  await user.click(screen.getByLabelText('Question'));
  await user.type(box(), 'Why?{Enter}');
  await waitFor(() => expect(asked.at(-1)!.body).toMatchObject({ to: 'hosts', is_question: true }));
  expect(screen.getByLabelText('Question')).toHaveProperty('checked', false);
});

test('what failed says why, and is sent again or thrown away', async () => {
  let isOff = true;
  const { user } = await panelOf((asked) => {
    if (asked.method === 'POST' && isOff) throw refusal(409, 'silenced', 'A host has stopped the chat for you.');
    return usual(asked);
  });
  await user.type(box(), 'one{Enter}');
  expect(await screen.findByText(/Not sent\. A host has stopped the chat for you\./)).toBeTruthy();
  isOff = false;
  await user.click(screen.getByRole('button', { name: 'Send again' }));
  await waitFor(() => expect(screen.queryByText(/Not sent/)).toBeNull());
  expect(screen.getAllByText('one')).toHaveLength(1);
  isOff = true;
  await user.type(box(), 'two{Enter}');
  await user.click(await screen.findByRole('button', { name: 'Discard' }));
  expect(screen.queryByText('two')).toBeNull();
});

test('a draft outlives the page', async () => {
  const kept = new Map<string, unknown>();
  const { user, unmount } = await panelOf(usual, { kept });
  await user.type(box(), 'half a thought');
  unmount();
  await panelOf(usual, { kept });
  expect(box()).toHaveProperty('value', 'half a thought');
});

test('who may not write reads why', async () => {
  for (const [state, words] of [
    [{ ...CALM, mode: 'off' }, 'The chat is switched off.'],
    [{ ...CALM, mode: 'hosts' }, 'Only the hosts write now. You can read and react.'],
    [{ ...CALM, silenced: true }, 'A host has stopped the chat for you for now.'],
  ] as const) {
    await panelOf(() => pageOf([], { state }));
    expect(screen.getByText(words)).toBeTruthy();
    expect(screen.queryByRole('textbox')).toBeNull();
    cleanup();
  }
  await panelOf(() => pageOf([], { state: { ...CALM, mode: 'questions' } }));
  expect(within(screen.getByLabelText('To')).getAllByRole('option')).toHaveLength(1);
});

test('slow mode shows the seconds and waits', async () => {
  const { asked, user } = await panelOf(() => pageOf([], { state: { ...CALM, slow_seconds: 30, wait: 20 } }));
  await screen.findByText(/you can write again in (20|19) s/);
  await user.type(box(), 'x{Enter}');
  expect(asked.some(({ method }) => method === 'POST')).toBe(false);
});

test('too long a message says by how much', async () => {
  await panelOf();
  fireEvent.change(box(), { target: { value: 'x'.repeat(3600) } });
  expect(screen.getByText('400 characters left')).toBeTruthy();
  fireEvent.change(box(), { target: { value: '🎓'.repeat(4001) } });
  expect(screen.getByText('1 characters too many')).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Send' })).toHaveProperty('disabled', true);
});

test('links are safe and HTML is text', async () => {
  await panelOf(withMessages(message(1, { text: '<img src=x onerror=alert(1)> https://uni.example/ javascript:alert(1)' })));
  const links = screen.getAllByRole('link');
  expect(links.map((link) => [link.getAttribute('href'), link.getAttribute('rel'), link.getAttribute('target')])).toEqual([
    ['https://uni.example/', 'noopener noreferrer nofollow', '_blank'],
  ]);
  expect(document.querySelector('.chat img')).toBeNull();
});

test('of two thousand lines only those in sight are drawn', async () => {
  await panelOf(withMessages(...Array.from({ length: 2000 }, (_, n) => message(n + 1))));
  const drawn = screen.getAllByRole('article').length;
  expect(drawn).toBeGreaterThan(3);
  expect(drawn).toBeLessThan(60);
});

test('new lines are counted while one reads further up, and shown on request', async () => {
  const { hear, badge, user } = await panelOf(withMessages(...Array.from({ length: 100 }, (_, n) => message(n + 1))));
  const scroller = document.querySelector('.chat-scroll')!;
  Object.defineProperty(scroller, 'scrollHeight', { configurable: true, value: 6000 });
  scroller.scrollTop = 100;
  fireEvent.scroll(scroller);
  for (const at of [101, 102, 103]) hear({ after: (at - 1) * 1e6, upto: at * 1e6, messages: [message(at)] });
  expect(badge()).toBe(3);
  await user.click(screen.getByRole('button', { name: '3 new messages' }));
  await waitFor(() => expect(badge()).toBe(null));
});

test('one answers, reacts, and takes back one’s own', async () => {
  const mine = message(2, { id: 'mine', mine: true, at: Date.now() * 1000, author: { identity: 'ada', name: 'Ada', is_host: false } });
  const { asked, user } = await panelOf(withMessages(hostOne, mine));
  const [theirs, own] = screen.getAllByRole('article');
  await user.click(within(theirs).getByText('Answer'));
  expect(screen.getByText('Answer to Emmy')).toBeTruthy();
  await user.type(box(), 'yes{Enter}');
  await waitFor(() => expect(asked.at(-1)!.body).toMatchObject({ reply_to: 'm1' }));
  await user.click(within(theirs).getByLabelText('Thumbs up'));
  expect(asked.at(-1)).toMatchObject({ path: '/messages/m1/mark', body: { kind: '👍', on: true } });
  expect(within(theirs).queryByText('Delete')).toBeNull();
  await user.click(within(own).getByText('Edit'));
  expect(box()).toHaveProperty('value', 'line 2');
  await user.clear(box());
  await user.type(box(), 'better{Enter}');
  expect(asked.at(-1)).toMatchObject({ method: 'PATCH', path: '/messages/mine', body: { text: 'better' } });
  await user.click(within(own).getByText('Delete'));
  expect(asked.at(-1)).toMatchObject({ method: 'DELETE', path: '/messages/mine' });
});

test('a host says who writes, pins, and answers a guest in private', async () => {
  const private_ = message(1, { audience: 'hosts' });
  const { asked, user } = await panelOf(withMessages(private_, message(2)), { isHost: true });
  await user.selectOptions(screen.getByLabelText('Who writes'), 'Guests to hosts only');
  expect(asked.find(({ path }) => path === '/mode')!.body).toEqual({ mode: 'questions', slow_seconds: 0 });
  const [first, second] = screen.getAllByRole('article');
  expect(within(first).getByText('to the hosts only')).toBeTruthy();
  expect(within(first).queryByText('Pin for all')).toBeNull();
  await user.click(within(second).getByText('Pin for all'));
  expect(asked.at(-1)!.body).toEqual({ flag: 'pinned', on: true });
  await user.click(within(first).getByText('Answer'));
  expect(within(screen.getByLabelText('To')).getAllByRole('option').map(({ textContent }) => textContent)).toEqual(['Bob and the hosts', 'The hosts only']);
  await user.type(box(), 'in private{Enter}');
  await waitFor(() => expect(asked.at(-1)!.body).toMatchObject({ to: 'author', reply_to: 'm1' }));
});

test('questions are shown by their votes, and can be voted for', async () => {
  const { asked, user } = await panelOf(({ path, method }) => {
    const question = message(1, { is_question: true, votes: 2, marks: [] });
    return method === 'GET' ? pageOf(path === '/questions' ? [question] : []) : { ...question, votes: 3, marks: ['vote'], version: 2e6 };
  });
  await user.click(screen.getByRole('button', { name: 'Questions' }));
  await user.click(await screen.findByRole('button', { name: '2 want to know this. Vote for it' }));
  expect(asked.at(-1)!.body).toEqual({ kind: 'vote', on: true });
  await screen.findByRole('button', { name: '3 want to know this, you too. Take your vote back' });
});

test('what is removed leaves a trace, and nothing to do with it', async () => {
  await panelOf(withMessages(message(1, { text: '', removed_by: 'host' }), message(2, { text: '', removed_by: 'author' })));
  expect(screen.getByText('Removed by a host')).toBeTruthy();
  expect(screen.getByText('Message removed')).toBeTruthy();
  expect(screen.queryByRole('button', { name: /^Actions/ })).toBeNull();
});

test('a name is said once for what somebody writes in one breath', () => {
  const items = (...messages: Message[]) => itemsOf(messages, []);
  const goesOn = (next: Message) => {
    const [one, two] = items(message(1), next);
    return continues(one, two);
  };
  expect(goesOn(message(2))).toBe(true);
  expect(goesOn(message(600))).toBe(false);
  expect(goesOn(message(2, { audience: 'hosts' }))).toBe(false);
  expect(goesOn(message(2, { author: { identity: 'cid', name: 'Cid', is_host: false } }))).toBe(false);
  expect(goesOn(message(2, { reply: { id: 'm1', name: 'Bob', text: 'x' } }))).toBe(false);
});

test('arrow keys go from line to line', async () => {
  const { user } = await panelOf(withMessages(message(1), hostOne && message(2), message(3)));
  const lines = within(screen.getByRole('list', { name: 'Messages' })).getAllByRole('listitem');
  act(() => lines[2].focus());
  await user.keyboard('{ArrowUp}');
  await waitFor(() => expect(document.activeElement).toBe(lines[1]));
  await user.keyboard('{Home}');
  await waitFor(() => expect(document.activeElement).toBe(lines[0]));
});

test('Escape leaves an answer before it closes the panel', async () => {
  const { user } = await panelOf(withMessages(hostOne));
  await user.click(screen.getByText('Answer'));
  const closing = vi.fn();
  document.addEventListener('keydown', (event) => !event.defaultPrevented && closing());
  await user.type(box(), '{Escape}');
  expect(screen.queryByText('Answer to Emmy')).toBeNull();
});
