/** One request with its progress, which `fetch` doesn't tell. An answer of any status is an answer. */

/** No answer came: the line is cut, or nothing has moved on it for too long. */
export class Lost extends Error {}

export interface Wanted {
  method: string;
  url: string;
  headers?: Readonly<Record<string, string>>;
  body?: Blob | string;
  signal?: AbortSignal;
  onProgress?(loaded: number): void;
  /** How long nothing may move. */
  patienceMs?: number;
}

export interface Reply {
  status: number;
  ok: boolean;
  /** Its JSON; empty where it has none. */
  body: Record<string, unknown>;
  header(name: string): string | null;
}

const PATIENCE_MS = 45_000;
// Browsers set these by themselves, and complain about whoever tries.
const OF_THE_BROWSER: ReadonlySet<string> = new Set(['host', 'content-length']);

function bodyOf(xhr: XMLHttpRequest): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(xhr.responseText);
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const replyOf = (xhr: XMLHttpRequest): Reply => ({
  status: xhr.status,
  ok: xhr.status >= 200 && xhr.status < 300,
  body: bodyOf(xhr),
  header: (name) => xhr.getResponseHeader(name),
});

function open({ method, url, headers = {} }: Wanted): XMLHttpRequest {
  const xhr = new XMLHttpRequest();
  xhr.open(method, url);
  for (const [name, value] of Object.entries(headers)) {
    if (!OF_THE_BROWSER.has(name.toLowerCase())) xhr.setRequestHeader(name, value);
  }
  return xhr;
}

/** Rejects with `Lost`, or with the reason of the signal. */
export function send(wanted: Wanted): Promise<Reply> {
  const { body, signal, onProgress, patienceMs = PATIENCE_MS } = wanted;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const xhr = open(wanted);
    let timer: ReturnType<typeof setTimeout>;
    const stop = () => xhr.abort();
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, patienceMs);
    };
    xhr.upload.onprogress = (event) => {
      wait();
      onProgress?.(event.loaded);
    };
    xhr.onload = () => resolve(replyOf(xhr));
    xhr.onerror = () => reject(new Lost());
    xhr.onabort = () => reject(signal?.aborted ? signal.reason : new Lost());
    xhr.onloadend = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    };
    signal?.addEventListener('abort', stop);
    wait();
    xhr.send(body);
  });
}
