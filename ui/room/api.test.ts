import { expect, test, vi } from 'vitest';
import { RoomRoutes } from './api';

function routesAnswering(status: number, body: unknown, headers: Record<string, string> = {}) {
  const fetching = vi.fn(async () => new Response(JSON.stringify(body), { status, headers }));
  return { routes: new RoomRoutes('/api/rooms/r', fetching as unknown as typeof fetch), fetching };
}
const join = (status: number, body: unknown, headers = {}) => routesAnswering(status, body, headers).routes.join({ name: 'Ada' });

test('a join is sent as JSON to the room', async () => {
  const { routes, fetching } = routesAnswering(200, { status: 'admitted', token: 't' });
  await routes.join({ name: 'Ada', fingerprint: 'f' });
  const [url, request] = fetching.mock.calls[0] as unknown as [string, RequestInit];
  expect(url).toBe('/api/rooms/r/join');
  expect(request.method).toBe('POST');
  expect(JSON.parse(String(request.body))).toEqual({ name: 'Ada', fingerprint: 'f' });
});

test('admitted and waiting are handed on as they come', async () => {
  expect(await join(200, { status: 'admitted', token: 't' })).toMatchObject({ status: 'admitted', token: 't' });
  expect(await join(202, { status: 'waiting', stream_url: '/s' })).toEqual({ status: 'waiting', stream_url: '/s', reason: '', code: '' });
});

test('a question names its field and its reason', async () => {
  const answer = await join(200, { status: 'asked', field: 'pin', label: 'PIN', reason: 'Wrong.' });
  expect(answer).toEqual({ status: 'asked', field: 'pin', label: 'PIN', reason: 'Wrong.', retryAfter: 0 });
});

test('too many tries keep the question and say how long to wait', async () => {
  const answer = await join(429, { field: 'pin', label: 'PIN', detail: 'Too many tries.' }, { 'Retry-After': '30' });
  expect(answer).toMatchObject({ status: 'asked', field: 'pin', reason: 'Too many tries.', retryAfter: 30 });
});

test('a refusal carries its words', async () => {
  expect(await join(403, { detail: 'You were removed.', code: 'denied' })).toEqual({ status: 'denied', reason: 'You were removed.' });
});

test('a room that has gone is a refusal, not an error', async () => {
  expect(await join(404, {})).toMatchObject({ status: 'denied' });
});

test('a wrong field is named', async () => {
  const answer = await join(422, { errors: [{ field: 'name', message: 'Too long.' }] });
  expect(answer).toEqual({ status: 'invalid', field: 'name', reason: 'Too long.' });
});

test('LiveKit down means: try again after the pause the server names', async () => {
  const answer = await join(503, { code: 'livekit_down', detail: 'One moment.' }, { 'Retry-After': '7' });
  expect(answer).toEqual({ status: 'unavailable', reason: 'One moment.', retryAfter: 7 });
});

test('an error page instead of JSON means: try again', async () => {
  const fetching = async () => new Response('<h1>Bad gateway</h1>', { status: 502 });
  expect(await new RoomRoutes('/r', fetching as typeof fetch).join({ name: 'A' })).toMatchObject({ status: 'unavailable' });
});

test('no network means: try again', async () => {
  const fetching = async () => {
    throw new TypeError('Failed to fetch');
  };
  expect(await new RoomRoutes('/r', fetching as typeof fetch).join({ name: 'A' })).toMatchObject({ status: 'unavailable' });
});

test('the end answers with the address of the lecture', async () => {
  const { routes } = routesAnswering(200, { url: '/lectures/l' });
  expect(await routes.end()).toEqual({ status: 'ended', url: '/lectures/l' });
});

test('who may not start is told why', async () => {
  const { routes } = routesAnswering(403, { detail: 'Only hosts can start.' });
  expect(await routes.start()).toEqual({ status: 'denied', reason: 'Only hosts can start.' });
});

test('a host without a lecture is told apart from a refusal', async () => {
  expect(await join(409, { code: 'not_live', detail: 'Start it first.' })).toEqual({ status: 'not_live', reason: 'Start it first.' });
});
