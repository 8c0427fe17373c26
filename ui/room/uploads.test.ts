import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { backoff } from './backoff';
import type { Upload } from './sdk';
import { UploadServer } from './testing/uploadServer';
import { Uploads } from './uploads';

const TEXT = 'The quick brown fox jumps over the lazy dog';
let server: UploadServer;
let uploads: Uploads;

// jsdom's blobs can't be read this way.
Blob.prototype.arrayBuffer ??= function arrayBuffer(this: Blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as ArrayBuffer);
    reader.onerror = () => reject(reader.error!);
    reader.readAsArrayBuffer(this);
  });
};

beforeEach(async () => {
  server = await new UploadServer().start();
  uploads = new Uploads(() => backoff(1, 4));
  // jsdom reports every cut line.
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const { url } = server;
  class ToTheServer extends XMLHttpRequest {
    override open(method: string, path: string) {
      super.open(method, new URL(path, url));
    }
  }
  vi.stubGlobal('XMLHttpRequest', ToTheServer);
});
afterEach(async () => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  await server.stop();
});

const fileOf = (text = TEXT, name = 'fox.txt') => new File([text], name, { type: 'text/plain' });
const add = (file = fileOf(), signal?: AbortSignal, body = {}) => uploads.add(file, { begin: '/begin', body }, '/api/plugin', signal);
const until = (upload: Upload, state: Upload['state']) => vi.waitFor(() => expect([upload.state, upload.message]).toEqual([state, expect.anything()]), 15_000);
const always = (answer: () => ReturnType<UploadServer['faults'][number]>) => void (server.faults = Object.assign([], { [Symbol.iterator]: function* () { yield answer; } }));

// --- to our server ---

test('a file goes in slices to the server, and its progress is told', async () => {
  const upload = add(fileOf(), undefined, { audience: 'hosts' });
  const sent: number[] = [];
  upload.onChange(() => sent.push(upload.sent));
  await until(upload, 'done');
  expect(server.bytes()).toBe(TEXT);
  expect(JSON.parse(server.of('POST', '/begin')[0].body.toString())).toEqual({ audience: 'hosts', name: 'fox.txt', size: TEXT.length, mime: 'text/plain' });
  expect(server.of('PATCH').every(({ body, headers }) => body.length <= 4 && headers['content-type'] === 'application/offset+octet-stream')).toBe(true);
  expect(upload.file).toMatchObject({ id: 'u1', state: 'ready' });
  expect(sent).toEqual([...sent].sort((a, b) => a - b));
  expect(sent.at(-1)).toBe(TEXT.length);
});

test('an upload that is cut goes on where the server stands', async () => {
  server.partSize = 10;
  server.cutAt = 15;
  const upload = add();
  const said: string[] = [];
  upload.onChange(() => said.push(upload.message));
  await until(upload, 'done');
  expect(server.bytes()).toBe(TEXT);
  expect(server.of('GET')).toHaveLength(1);
  expect(server.of('PATCH').map(({ headers }) => headers['upload-offset'])).toEqual(['0', '10', '15', '25', '35']);
  expect(said).toContain('The connection is lost. The upload goes on as soon as it is back.');
});

test('the server’s word about the offset counts, not the page’s', async () => {
  server.faults = [({ method }) => (method === 'PATCH' ? { status: 409, body: { code: 'wrong_offset' } } : undefined)];
  const upload = add();
  await until(upload, 'done');
  expect(server.bytes()).toBe(TEXT);
});

test('an empty file arrives too', async () => {
  await until(add(fileOf('')), 'done');
  expect(server.of('PATCH')).toHaveLength(0);
});

test('a completion whose answer is lost is asked again, and no byte goes twice', async () => {
  for (const how of ['stream', 'direct', 'parts'] as const) {
    server.how = how;
    server.asked.length = 0;
    server.faults = [({ path }) => (path.endsWith('/complete') ? 'cut' : undefined)];
    await until(add(), 'done');
    expect(server.of('POST', '/complete')).toHaveLength(2);
    const carried = [...server.of('PATCH'), ...server.of('PUT')].reduce((sum, { body }) => sum + body.length, 0);
    expect(carried).toBe(TEXT.length);
  }
});

test('bytes that got lost on the server go again', async () => {
  server.faults = [
    ({ path }) => {
      if (path.endsWith('/complete') && server.of('POST', '/complete').length === 1) server.came.get('u1')!.delete(40);
      return undefined;
    },
  ];
  await until(add(), 'done');
  expect(server.bytes()).toBe(TEXT);
  expect(server.of('POST', '/complete')).toHaveLength(2);
});

test('a busy server is given its time and asked again', async () => {
  server.faults = [503, 500, 429, 423, 408].map((status) => () => ({ status, body: { detail: 'One moment.' } }));
  const upload = add();
  const said = new Set<string>();
  upload.onChange(() => said.add(upload.message));
  await until(upload, 'done');
  expect(said).toContain('One moment.');
});

test('what the server asks to wait is waited', async () => {
  server.faults = [({ method }) => (method === 'PATCH' ? { status: 503, headers: { 'Retry-After': '1' } } : undefined)];
  const pauses = vi.spyOn(globalThis, 'setTimeout');
  await until(add(), 'done');
  expect(pauses.mock.calls.some(([, ms = 0]) => ms >= 1000 && ms <= 1250)).toBe(true);
});

test('the browser’s word that the line is back ends the pause', async () => {
  uploads = new Uploads(() => backoff(3_600_000, 3_600_000));
  server.faults = [() => 'cut'];
  const upload = add();
  await vi.waitFor(() => expect(upload.message).toContain('lost'));
  dispatchEvent(new Event('online'));
  await until(upload, 'done');
});

test('who is offline for long is not given up', async () => {
  vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false);
  server.faults = Array.from({ length: 25 }, () => () => 'cut' as const);
  await until(add(), 'done');
});

test('a line that never comes back ends in words, and a retry goes on where it broke', async () => {
  server.partSize = 10;
  let patches = 0;
  always(() => (server.asked.at(-1)!.method === 'PATCH' && ++patches === 1 ? undefined : server.of('PATCH').length ? 'cut' : undefined));
  const upload = add();
  await until(upload, 'failed');
  expect(upload.message).toContain('The connection is lost.');
  expect(server.bytes()).toBe(TEXT.slice(0, 10));
  server.faults = [];
  upload.retry();
  await until(upload, 'done');
  expect([...server.came.keys()]).toEqual(['u1']);
  expect(server.bytes()).toBe(TEXT);
});

// --- refusals ---

test('a refusal at the beginning is shown in the server’s words', async () => {
  server.faults = [() => ({ status: 413, body: { detail: 'Files may have 500 MB.' } })];
  const upload = add();
  await until(upload, 'failed');
  expect(upload.message).toBe('Files may have 500 MB.');
  expect(server.asked).toHaveLength(1);
});

test('who is removed meanwhile sends nothing more and reads why', async () => {
  server.faults = [({ headers }) => (headers['upload-offset'] === '8' ? { status: 403, body: { detail: 'You are not allowed to do that.' } } : undefined)];
  const upload = add();
  await until(upload, 'failed');
  expect(upload.message).toBe('You are not allowed to do that.');
  expect(server.of('PATCH')).toHaveLength(3);
});

test('bytes that the server refuses are refused in its words, and a retry begins anew', async () => {
  server.finished = { state: 'refused', refused_because: 'This is no picture.' };
  const upload = add();
  await until(upload, 'failed');
  expect(upload.message).toBe('This is no picture.');
  expect(upload.file).toBeNull();
  server.finished = { state: 'ready' };
  upload.retry();
  await until(upload, 'done');
  expect(upload.file?.id).toBe('u2');
});

test('an answer without words gets some', async () => {
  server.faults = [() => ({ status: 418 })];
  const upload = add();
  await until(upload, 'failed');
  expect(upload.message).toBe('The server answered 418.');
});

test('a server that still checks is asked again', async () => {
  server.finished = { state: 'checking' };
  const upload = add();
  await vi.waitFor(() => expect(server.of('POST', '/complete').length).toBeGreaterThan(1));
  expect(upload.state).toBe('checking');
  server.finished = { state: 'ready' };
  await until(upload, 'done');
});

test('a file that changed on the disk is no lost line', async () => {
  const file = fileOf();
  server.faults = [({ method }) => (method === 'PATCH' ? 'cut' : undefined)];
  vi.spyOn(file, 'slice').mockImplementation(() => ({ arrayBuffer: () => Promise.reject(new DOMException('', 'NotReadableError')) }) as unknown as Blob);
  const upload = add(file);
  await until(upload, 'failed');
  expect(upload.message).toContain('can’t be read any more');
});

// --- past the server ---

test('a small file goes to the storage in one request', async () => {
  server.how = 'direct';
  await until(add(), 'done');
  expect(server.bytes()).toBe(TEXT);
  expect(server.of('PUT')).toHaveLength(1);
  expect(server.of('PUT')[0].headers['content-type']).toContain('text/plain');
});

test('a large file goes to the storage in parts, some at once', async () => {
  server.how = 'parts';
  await until(add(), 'done');
  expect(server.bytes()).toBe(TEXT);
  expect(server.of('PUT')).toHaveLength(Math.ceil(TEXT.length / 4));
  expect(server.mostAtOnce).toBeLessThanOrEqual(3);
});

test('after a cut only the missing parts go', async () => {
  server.how = 'parts';
  server.faults = [({ method, path }) => (method === 'PUT' && path.endsWith('/3') ? 'cut' : undefined)];
  const upload = add();
  const sent: number[] = [];
  upload.onChange(() => sent.push(upload.sent));
  await until(upload, 'done');
  expect(server.bytes()).toBe(TEXT);
  expect(server.of('PUT', '/3')).toHaveLength(2);
  expect(server.of('PUT')).toHaveLength(Math.ceil(TEXT.length / 4) + 1);
  expect(Math.max(...sent)).toBe(TEXT.length);
});

test('an address that has expired is replaced by a new one', async () => {
  server.how = 'direct';
  server.faults = [({ method }) => (method === 'PUT' ? { status: 403 } : undefined)];
  await until(add(), 'done');
  expect(server.of('POST', '/address')).toHaveLength(2);
});

test.each([
  [403, 'the permission to send it doesn’t hold any more'],
  [400, 'its size or type isn’t what was announced'],
  [411, 'its size or type isn’t what was announced'],
])('what the storage refuses with %i is worded by the page', async (status, words) => {
  server.how = 'direct';
  const refuse = ({ method }: { method: string }) => (method === 'PUT' ? { status } : undefined);
  server.faults = [refuse, refuse];
  const upload = add();
  await until(upload, 'failed');
  expect(upload.message).toContain(words);
  await vi.waitFor(() => expect(server.of('DELETE')).toHaveLength(1));
});

test('a storage that can’t be reached is named, not the server', async () => {
  server.how = 'direct';
  always(() => (server.asked.at(-1)!.method === 'PUT' ? 'cut' : undefined));
  const upload = add();
  await until(upload, 'failed');
  expect(upload.message).toContain('The file storage can’t be reached from here.');
});

test('a storage that is busy gets time', async () => {
  server.how = 'parts';
  server.faults = [({ method }) => (method === 'PUT' ? { status: 503 } : undefined)];
  await until(add(), 'done');
  expect(server.bytes()).toBe(TEXT);
});

// --- many, and none ---

test('two go at once, the others wait their turn', async () => {
  const most = { now: 0 };
  const made = ['a', 'b', 'c', 'd', 'e'].map((name) => add(fileOf(TEXT, name)));
  const count = () => (most.now = Math.max(most.now, made.filter(({ state }) => state === 'sending' || state === 'checking').length));
  made.forEach((upload) => upload.onChange(count));
  expect(made.map(({ state }) => state)).toEqual(Array(5).fill('waiting'));
  for (const upload of made) await until(upload, 'done');
  expect(most.now).toBe(2);
});

test('one that is cancelled stops, is forgotten by the server, and can begin anew', async () => {
  const upload = add();
  server.faults = [({ headers }) => (headers['upload-offset'] === '8' ? (upload.cancel(), 'cut') : undefined)];
  await until(upload, 'cancelled');
  await vi.waitFor(() => expect(server.came.size).toBe(0));
  expect(server.of('PATCH')).toHaveLength(3);
  upload.retry();
  await until(upload, 'done');
  expect(server.bytes('u2')).toBe(TEXT);
});

test('one that is cancelled while the server makes its plan leaves nothing behind', async () => {
  const upload = add();
  server.faults = [() => (upload.cancel(), undefined)];
  await until(upload, 'cancelled');
  await vi.waitFor(() => expect(server.of('DELETE')).toHaveLength(1));
  expect(server.came.size).toBe(0);
  expect(server.of('PATCH')).toHaveLength(0);
});

test('one that waits can be cancelled, and the next one goes', async () => {
  const made = ['a', 'b', 'c', 'd'].map((name) => add(fileOf(TEXT, name)));
  made[2].cancel();
  await until(made[3], 'done');
  expect(made[2].state).toBe('cancelled');
  expect(server.came.size).toBe(3);
});

test('what is done stays done', async () => {
  const upload = add();
  await until(upload, 'done');
  upload.cancel();
  upload.retry();
  expect(upload.state).toBe('done');
  expect(server.of('DELETE')).toHaveLength(0);
});

test('who leaves the room sends nothing more', async () => {
  const leaving = new AbortController();
  const upload = add(fileOf(), leaving.signal);
  server.faults = [({ headers }) => (headers['upload-offset'] === '4' ? (leaving.abort(), 'cut') : undefined)];
  await until(upload, 'cancelled');
  expect(add(fileOf(), leaving.signal).state).toBe('cancelled');
});

test('the browser asks before the page is left only while something would be lost', async () => {
  const asks = () => !dispatchEvent(new Event('beforeunload', { cancelable: true }));
  expect(asks()).toBe(false);
  const made = [add(), add(), add()];
  expect(asks()).toBe(true);
  for (const upload of made) await until(upload, 'done');
  expect(asks()).toBe(false);
});
