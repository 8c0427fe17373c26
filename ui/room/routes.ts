/** A plugin's own routes, for its part of the room and for its pages alike. */
import { t } from './i18n';
import type { ApiError, RoomApi } from './sdk';

async function problemOf(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => ({}))) as Record<string, string>;
  const message = problem.detail || problem.title || t('The server answered {status}.', { status: response.status });
  return Object.assign(new Error(message), { status: response.status, code: problem.code ?? '', problem });
}

export function pluginRoutes(base: string, signal: AbortSignal): RoomApi['api'] {
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(base + path, {
      method,
      signal,
      credentials: 'same-origin',
      headers: { Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw await problemOf(response);
    return response.status === 204 ? undefined : response.json();
  };
  return {
    get: (path) => call('GET', path),
    post: (path, body = {}) => call('POST', path, body),
    put: (path, body = {}) => call('PUT', path, body),
    patch: (path, body = {}) => call('PATCH', path, body),
    delete: (path) => call('DELETE', path),
  };
}
