import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, relative } from 'node:path';

/** A model as the stand-in hub has it. */
export interface HubModel {
  readonly files: Readonly<Record<string, Buffer>>;
  /** Branches and tags beside main, of the same commit. */
  readonly refs?: readonly string[];
  /** Who may read it, where not everybody may. */
  readonly tokens?: readonly string[];
}

/** A request for the bytes of a file. */
export interface Served {
  readonly path: string;
  readonly range?: string;
  readonly authorization?: string;
  /** Bytes of it that were sent. */
  sent: number;
}

/** What goes wrong with a file: called for each of its requests, from 0. */
export interface Fault {
  /** Bytes after which the connection breaks off. */
  readonly cutAfter?: number;
  /** Bytes after which nothing comes any more, until the client leaves. */
  readonly holdAfter?: number;
  readonly status?: number;
  readonly corrupt?: boolean;
  readonly ignoreRange?: boolean;
}

const PAGE = 7;

/** Files of a folder, by their paths in it, below `under`. */
export function folderFiles(folder: string, under = ''): Record<string, Buffer> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.map((path) => [under + relative(folder, path), readFileSync(path)]));
}

const isLarge = (path: string): boolean => /\.(safetensors|bin|ckpt|onnx|msgpack)$/.test(path);
export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
export const gitHash = (bytes: Buffer): string => createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
/** The commit that all models of the stand-in are at. */
export const COMMIT = 'c0ffee0000000000000000000000000000000001';

/** Speaks as much of the protocol of Hugging Face's hub as a download needs: the API, and large files on a server of its own. */
export class StandInHub implements AsyncDisposable {
  readonly served: Served[] = [];
  /** What goes wrong, by path. */
  readonly faults = new Map<string, (request: number) => Fault | undefined>();
  /** Requests to the API that are answered with 503 before one is not. */
  busy = 0;
  /** Sizes that the listing states, where they are not those of the files. */
  readonly statedSizes = new Map<string, number>();

  private constructor(
    private readonly models: ReadonlyMap<string, HubModel>,
    private readonly hub: Server,
    private readonly files: Server,
  ) {}

  static async start(models: Readonly<Record<string, HubModel>>): Promise<StandInHub> {
    const [hub, files] = [createServer(), createServer()];
    const standIn = new StandInHub(new Map(Object.entries(models)), hub, files);
    hub.on('request', (request, response) => standIn.answer(request, response));
    files.on('request', (request, response) => standIn.answerFile(request, response));
    for (const server of [hub, files]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return standIn;
  }

  get url(): string {
    return urlOf(this.hub);
  }

  /** Ranges that were asked of a file. */
  rangesOf(path: string): (string | undefined)[] {
    return this.served.filter((each) => each.path === path).map(({ range }) => range);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.hub, this.files]) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }

  private answer(request: IncomingMessage, response: ServerResponse) {
    const { pathname, searchParams } = new URL(request.url!, this.url);
    const parts = pathname.split('/').slice(1).map(decodeURIComponent);
    const isApi = parts[0] === 'api';
    const [organisation, model, action, revision, ...rest] = isApi ? parts.slice(2) : parts;
    const name = `${organisation}/${model}`;
    const found = this.models.get(name);
    if (isApi && this.busy > 0) {
      this.busy--;
      return fail(response, 503, undefined, 'try again', { 'retry-after': '0' });
    }
    if (!found) return fail(response, 401, 'RepoNotFound', 'Repository Not Found');
    if (!['main', COMMIT, ...(found.refs ?? [])].includes(revision!)) return fail(response, 404, 'RevisionNotFound', 'Invalid rev id');
    if (isApi && action === 'revision')
      return json(response, { _id: '1', id: name, sha: COMMIT, private: false, gated: false, lastModified: new Date(0) });
    if (isApi) return this.listFiles(response, pathname, found, Number(searchParams.get('cursor') ?? 0));
    const { authorization } = request.headers;
    if (found.tokens && !found.tokens.some((token) => authorization === `Bearer ${token}`))
      return fail(response, authorization ? 403 : 401, 'GatedRepo', `Access to model ${name} is restricted`);
    this.resolve(request, response, name, found, rest.join('/'));
  }

  private listFiles(response: ServerResponse, pathname: string, { files }: HubModel, cursor: number) {
    const folders = [...new Set(Object.keys(files).flatMap((path) => path.split('/').slice(0, -1)))];
    const entries = [
      ...folders.map((path) => ({ type: 'directory', path, size: 0, oid: '0'.repeat(40) })),
      ...Object.entries(files).map(([path, bytes]) => {
        const size = this.statedSizes.get(path) ?? bytes.length;
        const lfs = isLarge(path) ? { oid: sha256(bytes), size, pointerSize: 130 } : undefined;
        return { type: 'file', path, size, oid: gitHash(bytes), lfs };
      }),
    ];
    const next = cursor + PAGE;
    const link: Record<string, string> =
      next < entries.length ? { link: `<${this.url}${pathname}?recursive=true&cursor=${next}>; rel="next"` } : {};
    json(response, entries.slice(cursor, next), link);
  }

  private resolve(request: IncomingMessage, response: ServerResponse, name: string, { files }: HubModel, path: string) {
    const bytes = files[path];
    if (!bytes) return fail(response, 404, 'EntryNotFound', 'Entry not found');
    response.setHeader('x-repo-commit', COMMIT);
    if (!isLarge(path)) {
      response.setHeader('etag', `"${gitHash(bytes)}"`);
      return this.send(request, response, path, bytes);
    }
    const location = `${urlOf(this.files)}/${name}/${encodeURIComponent(path)}?signature=1`;
    response.writeHead(302, { location, 'x-linked-etag': `"${sha256(bytes)}"`, 'x-linked-size': bytes.length }).end();
  }

  private answerFile(request: IncomingMessage, response: ServerResponse): void {
    const [organisation, model, path] = new URL(request.url!, this.url).pathname.slice(1).split('/').map(decodeURIComponent);
    const bytes = this.models.get(`${organisation}/${model}`)!.files[path!]!;
    this.send(request, response, path!, bytes);
  }

  private send(request: IncomingMessage, response: ServerResponse, path: string, bytes: Buffer) {
    const { range, authorization } = request.headers;
    const fault = this.faults.get(path)?.(this.rangesOf(path).length) ?? {};
    const served: Served = { path, range, authorization, sent: 0 };
    this.served.push(served);
    if (fault.status) return fail(response, fault.status, undefined, 'broken', { 'retry-after': '0' });
    const from = fault.ignoreRange ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const whole = fault.corrupt ? Buffer.from(bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 1 : byte))) : bytes;
    const body = whole.subarray(from, from + (fault.cutAfter ?? fault.holdAfter ?? whole.length));
    const partial = range !== undefined && !fault.ignoreRange;
    response.writeHead(partial ? 206 : 200, {
      'content-length': bytes.length - from,
      'accept-ranges': 'bytes',
      ...(partial && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    served.sent = body.length;
    if (fault.holdAfter !== undefined) response.write(body);
    else if (fault.cutAfter !== undefined) response.write(body, () => setImmediate(() => response.destroy()));
    else response.end(body);
  }
}

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(value));
}

function fail(
  response: ServerResponse,
  status: number,
  code: string | undefined,
  message: string,
  headers: Record<string, string> = {},
): void {
  const codes = code === undefined ? {} : { 'x-error-code': code, 'x-error-message': message };
  response.writeHead(status, { 'content-type': 'application/json', ...codes, ...headers }).end(JSON.stringify({ error: message }));
}
