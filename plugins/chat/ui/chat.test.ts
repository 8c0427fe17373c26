import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Chat } from './chat';
import { MOST_LINES } from './history';
import type { Message, Page } from './messages';
import { CALM, message, pageOf, refusal, roomOf, type Asked } from './testing';

type Answers = Record<string, unknown>;
type Server = ReturnType<typeof serverOf>;

/** A server whose answers a test changes; by method and path without its query. */
function serverOf(answers: Answers) {
  return {
    answers,
    answer({ method, path, body }: Asked) {
      const found = answers[`${method} ${path.split('?')[0]}`];
      const made = typeof found === 'function' ? (found as (body: unknown, path: string) => unknown)(body, path) : found;
      if (made instanceof Error) throw made;
      return made;
    },
  };
}

async function chatOf(server: Server, options: Parameters<typeof roomOf>[1] = {}) {
  const made = roomOf((asked) => server.answer(asked), options);
  const chat = new Chat(made.room);
  await chat.connected();
  return { ...made, chat };
}

const texts = (chat: Chat) => chat.history.lines.map(({ text }) => text);
const packet = (after: number, ...messages: Message[]) => ({ after: after * 1e6, upto: messages.at(-1)!.version, messages });
const draft = (text: string) => ({ text, to: 'everyone' as const, reply: null, is_question: false });
const flushed = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

// --- packets --------------------------------------------------------------------------

test('packets bring line after line without a request', async () => {
  const { chat, asked } = await chatOf(serverOf({ 'GET /messages': pageOf([message(1)]) }));
  chat.hear(packet(1, message(2)));
  chat.hear(packet(2, message(3), message(4)));
  expect(texts(chat)).toEqual(['line 1', 'line 2', 'line 3', 'line 4']);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toHaveLength(1);
});

test('a packet that comes twice, or again from another worker, doubles nothing', async () => {
  const { chat } = await chatOf(serverOf({ 'GET /messages': pageOf([message(1)]) }));
  for (const one of [packet(1, message(2)), packet(1, message(2)), packet(0, message(1), message(2)), packet(1, message(2), message(3))]) chat.hear(one);
  expect(texts(chat)).toEqual(['line 1', 'line 2', 'line 3']);
});

test('packets that pass each other are put in order and nothing is fetched', async () => {
  const { chat, asked } = await chatOf(serverOf({ 'GET /messages': pageOf([message(1)]) }));
  chat.hear(packet(3, message(4)));
  chat.hear(packet(2, message(3)));
  expect(texts(chat)).toEqual(['line 1']);
  chat.hear(packet(1, message(2)));
  expect(texts(chat)).toEqual(['line 1', 'line 2', 'line 3', 'line 4']);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toHaveLength(1);
});

test('a packet that is missing is made good by one request, however many come meanwhile', async () => {
  const changes = pageOf([2, 3, 4, 5].map((at) => message(at)));
  const { chat, asked } = await chatOf(serverOf({ 'GET /messages': pageOf([message(1)]), 'GET /changes': changes }));
  for (const at of [3, 4, 5]) chat.hear(packet(at - 1, message(at)));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(texts(chat)).toEqual(['line 1', 'line 2', 'line 3', 'line 4', 'line 5']);
  expect(asked.map(({ path }) => path)).toEqual(['/messages?limit=50', '/changes?since=1000000&private_since=1000000']);
});

test('what is private or too large is fetched', async () => {
  const server = serverOf({ 'GET /messages': pageOf([message(1)]), 'GET /changes': pageOf([message(2, { audience: 'hosts' })]) });
  const { chat, asked } = await chatOf(server);
  chat.hear({ private: true });
  chat.hear({ private: true });
  await vi.advanceTimersByTimeAsync(5000);
  expect(texts(chat)).toEqual(['line 1', 'line 2']);
  server.answers['GET /changes'] = pageOf([message(3)]);
  chat.hear({ after: 2e6, upto: 3e6 });
  await vi.advanceTimersByTimeAsync(5000);
  expect(texts(chat)).toEqual(['line 1', 'line 2', 'line 3']);
  expect(asked).toHaveLength(3);
});

test('packets that come while the first page is loading are kept', async () => {
  let give: (page: Page) => void = () => undefined;
  const server = serverOf({ 'GET /messages': () => new Promise<Page>((resolve) => (give = resolve)) });
  const made = roomOf((asked) => server.answer(asked));
  const chat = new Chat(made.room);
  const loading = chat.connected();
  chat.hear(packet(1, message(2)));
  give(pageOf([message(1)]));
  await loading;
  expect(texts(chat)).toEqual(['line 1', 'line 2']);
});

test('an edit, a removal and a vote change the line, and the answers that quote it', async () => {
  const reply = message(2, { reply: { id: 'm1', name: 'Bob', text: 'line 1' } });
  const { chat } = await chatOf(serverOf({ 'GET /messages': pageOf([message(1, { marks: ['vote'], mine: false }), reply]) }));
  chat.hear(packet(2, message(1, { version: 3e6, text: 'better', edited: true, votes: 4 })));
  expect(chat.history.lines[0]).toMatchObject({ text: 'better', votes: 4, marks: ['vote'] });
  expect(chat.history.lines[1].reply!.text).toBe('better');
  chat.hear(packet(3, message(1, { version: 4e6, text: '', removed_by: 'host' })));
  chat.hear(packet(2, message(1, { version: 3e6, text: 'better' })));
  expect(chat.history.lines[0]).toMatchObject({ text: '', removed_by: 'host' });
  expect(chat.history.lines[1].reply!.text).toBe('');
});

test('modes and pins come with packets', async () => {
  const { chat } = await chatOf(serverOf({ 'GET /messages': pageOf([message(1)]) }));
  chat.hear({ after: 1e6, upto: 2e6, messages: [], state: { mode: 'hosts', slow_seconds: 5 } });
  expect(chat.whyNot()).toContain('Only the hosts');
  chat.hear(packet(2, message(1, { version: 3e6, pinned: true })));
  expect(chat.state!.pinned).toMatchObject([{ id: 'm1' }]);
  chat.hear(packet(3, message(1, { version: 4e6, pinned: false })));
  expect(chat.state!.pinned).toEqual([]);
});

test('a page that comes back catches up; after a long time it begins anew', async () => {
  const server = serverOf({ 'GET /messages': pageOf([message(1)]), 'GET /changes': pageOf([message(2)]) });
  const { chat, asked } = await chatOf(server);
  await chat.connected();
  expect(texts(chat)).toEqual(['line 1', 'line 2']);
  let at = 2;
  server.answers['GET /changes'] = () => pageOf([message(++at)], { more: true });
  server.answers['GET /messages'] = pageOf([message(900), message(901)], { more: true });
  await chat.connected();
  expect(texts(chat)).toEqual(['line 900', 'line 901']);
  expect(chat.history.hasOlder).toBe(true);
  expect(asked.filter(({ path }) => path.startsWith('/changes'))).toHaveLength(6);
});

test('a server that is away is asked again, ever more rarely; one that refuses is not', async () => {
  const server = serverOf({ 'GET /messages': new TypeError('Failed to fetch') });
  const { chat, asked } = await chatOf(server);
  expect(chat.failed).toBe(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBeGreaterThan(3);
  expect(asked.length).toBeLessThan(12);
  server.answers['GET /messages'] = pageOf([message(1)]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([chat.failed, texts(chat)]).toEqual([false, ['line 1']]);
  server.answers['GET /changes'] = refusal(403, 'not_allowed', 'No.');
  await chat.fetch();
  const before = asked.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(before);
});

// --- sending --------------------------------------------------------------------------

const taken = (body: unknown) => {
  const { client_id, text } = body as { client_id: string; text: string };
  return message(9, { id: `of ${client_id}`, client_id, text, mine: true, author: { identity: 'ada', name: 'Ada', is_host: false } });
};

test('a line is there at once, and once when packet and answer have come', async () => {
  let answer: (value: unknown) => void = () => undefined;
  const server = serverOf({ 'GET /messages': pageOf([message(1)]), 'POST /messages': () => new Promise((resolve) => (answer = resolve)) });
  const { chat, asked } = await chatOf(server);
  chat.send(draft('hello'));
  expect(chat.outbox.lines).toMatchObject([{ text: 'hello', status: 'sending' }]);
  await flushed();
  const made = taken(asked.at(-1)!.body);
  chat.hear(packet(1, { ...made, mine: undefined }));
  expect([chat.outbox.lines.length, texts(chat)]).toEqual([0, ['line 1', 'hello']]);
  expect(chat.history.lines[1].mine).toBe(true);
  answer(made);
  await flushed();
  expect(texts(chat)).toEqual(['line 1', 'hello']);
  expect(chat.unread).toBe(0);
});

test('a lost connection is tried again with the same id, then said, and kept over a reload', async () => {
  const kept = new Map<string, unknown>();
  const server = serverOf({ 'GET /messages': pageOf([message(1)]), 'POST /messages': new TypeError('Failed to fetch') });
  const { chat, asked, leaving } = await chatOf(server, { kept });
  chat.send(draft('hello'));
  chat.send(draft('and more'));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(chat.outbox.lines).toMatchObject([{ status: 'failed', why: 'The server can’t be reached.' }, { status: 'failed' }]);
  const ids = asked.filter(({ method }) => method === 'POST').map(({ body }) => (body as { client_id: string }).client_id);
  expect([ids.length, new Set(ids).size]).toEqual([6, 2]);
  expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  leaving.abort();

  server.answers['POST /messages'] = taken;
  const { chat: again, asked: later } = await chatOf(server, { kept });
  expect(again.outbox.lines).toMatchObject([{ text: 'hello', status: 'failed' }, { text: 'and more' }]);
  again.retry(again.outbox.lines[0]);
  again.outbox.discard(again.outbox.lines[1]);
  await flushed();
  expect([again.outbox.lines.length, texts(again)]).toEqual([0, ['line 1', 'hello']]);
  expect(later.at(-1)!.body).toMatchObject({ client_id: ids[0] });
});

test('a line on its way when the page was left is sent again by the next one', async () => {
  const kept = new Map<string, unknown>();
  const server = serverOf({ 'GET /messages': pageOf([message(1)]), 'POST /messages': () => new Promise(() => undefined) });
  const { chat, leaving } = await chatOf(server, { kept });
  chat.send(draft('hello'));
  leaving.abort();
  server.answers['POST /messages'] = taken;
  const { chat: again } = await chatOf(server, { kept });
  await flushed();
  expect([again.outbox.lines.length, texts(again)]).toEqual([0, ['line 1', 'hello']]);
});

test('another person, or another lecture, finds nothing of it', async () => {
  const kept = new Map<string, unknown>();
  const server = serverOf({ 'GET /messages': pageOf([]), 'POST /messages': refusal(409, 'chat_off', 'The chat is off.'), 'GET /changes': pageOf([]) });
  const { chat } = await chatOf(server, { kept });
  chat.outbox.draft = 'half a thought';
  chat.send(draft('hello'));
  await flushed();
  expect((await chatOf(server, { kept })).chat.outbox.draft).toBe('half a thought');
  const { chat: other } = await chatOf(server, { kept, isHost: true });
  expect([other.outbox.draft, other.outbox.lines]).toEqual(['', []]);
});

test('a refusal is said in its own words and not tried again; lines keep their order', async () => {
  const server = serverOf({
    'GET /messages': pageOf([message(1)]),
    'GET /changes': pageOf([], { upto: 1e6, state: { ...CALM, mode: 'questions' } }),
    'POST /messages': (body: { text: string }) => (body.text === 'one' ? refusal(409, 'to_hosts', 'To the hosts only.') : taken(body)),
  });
  const { chat, asked } = await chatOf(server);
  chat.send(draft('one'));
  chat.send(draft('two'));
  await vi.advanceTimersByTimeAsync(5000);
  expect(chat.outbox.lines).toMatchObject([{ text: 'one', status: 'failed', why: 'To the hosts only.' }]);
  expect(texts(chat)).toEqual(['line 1', 'two']);
  expect(chat.state!.mode).toBe('questions');
  chat.retry(chat.outbox.lines[0]);
  await flushed();
  expect(asked.at(-1)!.body).toMatchObject({ text: 'one', to: 'hosts' });
});

test('slow mode counts down from the own line and from a refusal', async () => {
  const server = serverOf({ 'GET /messages': pageOf([message(1)], { state: { ...CALM, slow_seconds: 30, wait: 12 } }), 'POST /messages': taken });
  const { chat } = await chatOf(server);
  expect(chat.waitUntil).toBe(Date.now() + 12_000);
  chat.send(draft('one'));
  expect(chat.waitUntil).toBe(Date.now() + 30_000);
  server.answers['POST /messages'] = refusal(429, 'slow_mode', 'Slow.', { retry_after: 7 });
  chat.send(draft('two'));
  await flushed();
  expect(chat.waitUntil).toBe(Date.now() + 7000);
});

test('slow mode that begins counts from what one has just written', async () => {
  const mine = message(9, { at: (Date.now() - 10_000) * 1000, mine: true, version: 1e6 });
  const { chat } = await chatOf(serverOf({ 'GET /messages': pageOf([mine]) }));
  chat.hear({ after: 1e6, upto: 2e6, messages: [], state: { mode: 'everyone', slow_seconds: 30 } });
  expect(chat.waitUntil).toBe(Date.now() + 20_000);
  chat.hear({ after: 2e6, upto: 3e6, messages: [], state: { mode: 'everyone', slow_seconds: 5 } });
  expect(chat.waitUntil).toBe(0);
});

// --- what is held ---------------------------------------------------------------------

test('the page holds a bounded part: the oldest go, and come back when asked for', async () => {
  const server = serverOf({ 'GET /messages': pageOf([message(1)]) });
  const { chat } = await chatOf(server);
  chat.attend(true, true);
  for (let at = 2; at <= MOST_LINES + 500; at++) chat.hear(packet(at - 1, message(at)));
  expect(chat.history.lines).toHaveLength(MOST_LINES);
  expect([chat.history.hasOlder, texts(chat)[0], texts(chat).at(-1)]).toEqual([true, 'line 501', `line ${MOST_LINES + 500}`]);

  chat.attend(true, false);
  server.answers['GET /messages'] = pageOf(Array.from({ length: 50 }, (_, n) => message(451 + n)), { more: true, state: undefined });
  await chat.loadOlder();
  expect([chat.history.lines.length, texts(chat)[0], chat.history.hasNewer]).toEqual([MOST_LINES, 'line 451', true]);
  const next = MOST_LINES + 501;
  chat.hear(packet(next - 1, message(next)));
  expect([texts(chat).includes(`line ${next}`), chat.unread]).toEqual([false, 1]);
  server.answers['GET /messages'] = pageOf([message(next)], { more: true });
  await chat.toNewest();
  expect([texts(chat), chat.history.hasNewer, chat.unread]).toEqual([[`line ${next}`], false, 0]);
});

test('what changed in older lines while they were loading is not lost', async () => {
  let give: (page: Page) => void = () => undefined;
  const server = serverOf({ 'GET /messages': pageOf([message(5)], { more: true }) });
  const { chat } = await chatOf(server);
  server.answers['GET /messages'] = () => new Promise<Page>((resolve) => (give = resolve));
  const loading = chat.loadOlder();
  chat.hear(packet(5, message(3, { version: 6e6, text: '', removed_by: 'host' })));
  give(pageOf([message(3), message(4)], { state: undefined }));
  await loading;
  expect(texts(chat)).toEqual(['', 'line 4', 'line 5']);
});

// --- what is noticed ------------------------------------------------------------------

test('unread lines are counted while the panel is closed, and stay counted over a reload', async () => {
  const kept = new Map<string, unknown>();
  const server = serverOf({ 'GET /messages': pageOf([message(1)]) });
  const { chat, said } = await chatOf(server, { kept });
  expect(chat.unread).toBe(0);
  chat.hear(packet(1, message(2)));
  chat.hear(packet(2, message(3), message(2, { version: 4e6, text: 'edited' })));
  expect(chat.unread).toBe(2);
  expect(said.refresh).toHaveBeenCalled();
  server.answers['GET /messages'] = pageOf([1, 2, 3].map((at) => message(at)));
  const { chat: again } = await chatOf(server, { kept });
  expect(again.unread).toBe(2);
  again.attend(true, true);
  expect(again.unread).toBe(0);
  again.attend(true, false);
  again.hear(packet(3, message(5)));
  expect(again.unread).toBe(1);
});

test('new lines are read out together, and not at all where that is switched off', async () => {
  const { chat, said } = await chatOf(serverOf({ 'GET /messages': pageOf([message(1)]) }));
  chat.hear(packet(1, message(2)));
  await vi.advanceTimersByTimeAsync(3000);
  expect(said.announce.mock.calls).toEqual([['Bob writes: line 2']]);
  for (let at = 3; at < 40; at++) chat.hear(packet(at - 1, message(at)));
  await vi.advanceTimersByTimeAsync(3000);
  expect(said.announce).toHaveBeenLastCalledWith('37 new messages, the last from Bob');
  chat.setHabits({ sound: false, readOut: false });
  chat.hear(packet(39, message(40)));
  await vi.advanceTimersByTimeAsync(3000);
  expect(said.announce).toHaveBeenCalledTimes(2);
});

test('questions are kept up with, and stay where they are', async () => {
  const question = (at: number, more = {}) => message(at, { is_question: true, ...more });
  const server = serverOf({ 'GET /messages': pageOf([message(1)]), 'GET /questions': pageOf([question(2, { votes: 3 }), question(1)]) });
  const { chat } = await chatOf(server);
  await chat.loadQuestions();
  chat.hear(packet(1, question(1, { version: 3e6, votes: 9 }), question(4)));
  expect(chat.questions!.map(({ id, votes }) => [id, votes])).toEqual([['m2', 3], ['m1', 9], ['m4', 0]]);
  chat.hear(packet(4, question(2, { version: 5e6, text: '', removed_by: 'host' })));
  expect(chat.questions!.map(({ id }) => id)).toEqual(['m1', 'm4']);
});
