/** The server's side of an upload over real HTTP, and a storage beside it; either breaks when a test says so. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type How = 'stream' | 'direct' | 'parts';
type Answer = { status: number; body?: unknown; headers?: Record<string, string> };
type Fault = (request: Asked) => Answer | 'cut' | undefined;
export interface Asked {
  method: string;
  path: string;
  body: Buffer;
  headers: IncomingMessage['headers'];
}

const FREE = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Headers': '*, Content-Type, Upload-Offset',
  'Access-Control-Allow-Methods': 'GET, POST, PUT, PATCH, DELETE',
  'Access-Control-Expose-Headers': 'Upload-Offset, Retry-After',
};

export class UploadServer {
  how: How = 'stream';
  partSize = 4;
  /** What has come, by upload. */
  readonly came = new Map<string, Map<number, Buffer>>();
  readonly asked: Asked[] = [];
  /** Cuts the line of the PATCH or PUT that carries the byte with this number. */
  cutAt: number | null = null;
  /** Each is asked once per request, until it answers. */
  faults: Fault[] = [];
  finished: Record<string, unknown> = { state: 'ready' };
  mostAtOnce = 0;
  private atOnce = 0;
  private size = 0;
  private uploads = 0;
  private readonly server: Server = createServer((request, response) => void this.take(request, response));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get url() {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** All the bytes of an upload, in order. */
  bytes(id = 'u1'): string {
    const pieces = [...(this.came.get(id) ?? [])].sort(([a], [b]) => a - b);
    return Buffer.concat(pieces.map(([, bytes]) => bytes)).toString();
  }

  /** Requests of a kind, such as `PATCH`. */
  of(method: string, path = ''): Asked[] {
    return this.asked.filter((one) => one.method === method && one.path.includes(path));
  }

  private async take(request: IncomingMessage, response: ServerResponse) {
    if (request.method === 'OPTIONS') return void response.writeHead(204, FREE).end();
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    response.on('close', () => (this.atOnce -= 1));
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { method = '', url: path = '', headers } = request;
    const asked = { method, path, headers, body: Buffer.concat(pieces) };
    this.asked.push(asked);
    const answer = this.fault(asked) ?? this.answer(asked);
    if (answer === 'cut') return void request.socket.destroy();
    const body = answer.body === undefined ? '' : JSON.stringify(answer.body);
    return void response.writeHead(answer.status, { ...FREE, ...answer.headers }).end(body);
  }

  private fault(asked: Asked): Answer | 'cut' | undefined {
    for (const fault of this.faults) {
      const answer = fault(asked);
      if (answer) {
        this.faults.splice(this.faults.indexOf(fault), 1);
        return answer;
      }
    }
    return undefined;
  }

  private answer(asked: Asked): Answer | 'cut' {
    const { method, path } = asked;
    if (path.endsWith('/begin')) return this.begin(asked);
    const [, where, id, what = ''] = /^\/(api\/uploads|storage)\/(\w+)\/?(.*)$/.exec(path) ?? [];
    const came = this.came.get(id);
    if (!came) return { status: 404, body: { detail: 'There is no such upload.' } };
    if (where === 'storage') return this.put(came, Number(what), asked);
    if (method === 'PATCH') return this.patch(came, asked);
    if (method === 'GET') return { status: 200, body: this.standing(id, came) };
    if (method === 'DELETE') return this.came.delete(id) ? { status: 204 } : { status: 404 };
    if (what === 'complete') return this.complete(id, came);
    const { part = 0 } = JSON.parse(asked.body.toString()) as { part?: number };
    const headers = { 'Content-Type': 'text/plain', 'Content-Length': '1' };
    return { status: 200, body: { method: 'PUT', url: `${this.url}/storage/${id}/${part}`, headers } };
  }

  private begin({ body }: Asked): Answer {
    this.size = (JSON.parse(body.toString()) as { size: number }).size;
    const id = `u${++this.uploads}`;
    this.came.set(id, new Map());
    return { status: 201, body: this.plan(id) };
  }

  private plan(id: string) {
    return { id, how: this.how, part_size: this.partSize, size: this.size };
  }

  private standing(id: string, came: Map<number, Buffer>) {
    const offset = [...came.values()].reduce((sum, { length }) => sum + length, 0);
    return { ...this.plan(id), state: 'incoming', offset, parts: [...came.keys()] };
  }

  private patch(came: Map<number, Buffer>, { headers, body }: Asked): Answer | 'cut' {
    const offset = [...came.values()].reduce((sum, { length }) => sum + length, 0);
    const from = Number(headers['upload-offset']);
    if (from !== offset) return { status: 409, body: { code: 'wrong_offset' }, headers: { 'Upload-Offset': String(offset) } };
    if (this.cutAt !== null && this.cutAt < from + body.length) {
      // The half that came before the cut was kept.
      came.set(from, body.subarray(0, this.cutAt - from));
      this.cutAt = null;
      return 'cut';
    }
    came.set(from, body);
    return { status: 204, headers: { 'Upload-Offset': String(from + body.length) } };
  }

  private put(came: Map<number, Buffer>, part: number, { body }: Asked): Answer {
    came.set(part, body);
    return { status: 200 };
  }

  private complete(id: string, came: Map<number, Buffer>): Answer {
    const size = [...came.values()].reduce((sum, { length }) => sum + length, 0);
    if (size !== this.size) return { status: 409, body: { code: 'incomplete', detail: `${size} of ${this.size} bytes have come.` } };
    return { status: 200, body: { id, name: 'x', mime: '', size, scan: 'off', preview: false, ...this.finished } };
  }
}
