import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { AgentConfig, Log } from '../config.ts';
import { fitting, readBody } from './body.ts';
import type { Endpoint, HandlerInput } from './endpoint.ts';
import { type CallName, type EndpointName, type Endpoints, endpoints, type Handlers } from './endpoints/table.ts';
import { streamEvents } from './event-stream.ts';
import type { EventLog } from './events.ts';
import { failureOf, HttpError } from './http-error.ts';
import { IdempotentRequests, idempotencyKeySchema } from './idempotency.ts';
import { openApiDocument } from './openapi.ts';
import { RateLimit } from './rate-limit.ts';
import { Router } from './router.ts';
import { type Caller, sha256, Tokens } from './tokens.ts';

export interface NorthboundOptions {
  config: NonNullable<AgentConfig['northbound']>;
  /** Where requests that were carried out are kept. */
  stateFolder: string;
  version: string;
  handlers: Handlers;
  events: EventLog;
  log: Log;
  /** ms since the epoch. Real time: clients live in it, whatever the agent's clock is. */
  now?: () => number;
}

export interface RunningNorthbound {
  port: number;
  close(): void;
}

/** The longest that a handler may take. */
const handlerMs = 30_000;
/** Clients at once; the events of each take one. */
const mostConnections = 256;
/** Who has no token may guess so often. */
const strangers = { perSecond: 5, burst: 20 } as const;

/** Serves the table of endpoints over HTTP, or HTTPS where the config names a certificate. Resolves when it listens; `port` 0 takes a free one. */
export async function startNorthboundServer(options: NorthboundOptions): Promise<RunningNorthbound> {
  const { config, stateFolder, log, now = Date.now } = options;
  const { certFile, keyFile, host, port, limit } = config;
  const service = new Service(options, {
    tokens: await Tokens.open(config, now, log),
    requests: await IdempotentRequests.open(join(stateFolder, 'northbound-requests.json'), now, log),
    known: new RateLimit({ ...limit, now }),
    unknown: new RateLimit({ ...strangers, now }),
  });
  const listener = (request: IncomingMessage, response: ServerResponse): void => void service.answer(request, response);
  const limits = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 10_000, maxHeaderSize: 16_384 };
  const server =
    certFile === undefined || keyFile === undefined
      ? createHttpServer(limits, listener)
      : createHttpsServer(
          { ...limits, cert: await readFile(certFile), key: await readFile(keyFile), minVersion: 'TLSv1.2' },
          listener,
        );
  server.maxConnections = mostConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

type EventsQuery = HandlerInput<Endpoints['events']>['query'];

interface Parts {
  tokens: Tokens;
  requests: IdempotentRequests;
  known: RateLimit;
  unknown: RateLimit;
}

class Service {
  readonly #options: NorthboundOptions;
  readonly #parts: Parts;
  readonly #router = new Router<EndpointName>(endpoints);
  readonly #document: string;

  constructor(options: NorthboundOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    this.#document = JSON.stringify(openApiDocument(endpoints, options.version));
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that goes away while it is answered is no error of ours.
    response.on('error', () => {});
    try {
      const { pathname, searchParams } = addressOf(request);
      if (request.method === 'GET' && pathname === '/openapi.json') return send(response, 200, this.#document);
      const caller = await this.#callerOf(request);
      const { name, path } = this.#router.find(request.method ?? '', pathname);
      const wanted: Endpoint = endpoints[name];
      if (wanted.role === 'operator' && caller.role !== 'operator')
        throw new HttpError(403, `"${caller.name}" may look, but not change anything: this needs an operator's token`);
      const query = wanted.query && fitting(wanted.query, queryOf(searchParams), 'the query');
      if (name === 'events') return this.#stream(request, response, query as EventsQuery);
      const body = wanted.body && (await readBody(request, wanted.body));
      const { answer, isRepeated } = await this.#carryOut(name, wanted, { path, query, body }, request, caller);
      send(response, 200, JSON.stringify(wanted.answer.parse(answer)), isRepeated ? { 'idempotency-replayed': 'true' } : {});
    } catch (error) {
      this.#refuse(request, response, error);
    }
  }

  #stream(request: IncomingMessage, response: ServerResponse, { kinds }: EventsQuery): void {
    const lastEventId = request.headers['last-event-id'];
    if (Array.isArray(lastEventId)) throw new HttpError(400, 'one Last-Event-ID is enough');
    streamEvents(response, this.#options.events, { kinds, lastEventId });
  }

  async #callerOf(request: IncomingMessage): Promise<Caller> {
    const { tokens, known, unknown } = this.#parts;
    const given = /^Bearer ([\x21-\x7e]+)$/.exec(request.headers.authorization ?? '')?.[1];
    const caller = given === undefined ? undefined : await tokens.find(given);
    const waitS = caller ? known.take(caller.name) : unknown.take(request.socket.remoteAddress ?? '');
    if (waitS > 0) throw new HttpError(429, 'too many requests', { 'retry-after': String(Math.ceil(waitS)) });
    if (!caller) throw new HttpError(401, 'a bearer token is needed', { 'www-authenticate': 'Bearer' });
    return caller;
  }

  async #carryOut(
    name: EndpointName,
    { idempotent }: Endpoint,
    input: { path: Record<string, string>; query: unknown; body: unknown },
    request: IncomingMessage,
    caller: Caller,
  ): Promise<{ answer: unknown; isRepeated: boolean }> {
    // Which handler belongs to which endpoint, the table's types have said; here all of them are alike.
    const handler = this.#options.handlers[name as CallName] as (given: unknown) => Promise<unknown>;
    const work = (): Promise<unknown> => inTime(handler(input));
    const key = request.headers['idempotency-key'];
    if (!idempotent || key === undefined) return { answer: await work(), isRepeated: false };
    const id = `${caller.name} ${fitting(idempotencyKeySchema, key, 'the Idempotency-Key')}`;
    return this.#parts.requests.once(id, sha256(JSON.stringify([name, input])).toString('hex'), work);
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const { status, headers, body, unexpected } = failureOf(error);
    if (unexpected) {
      const path = (request.url ?? '').split('?')[0]?.slice(0, 200);
      this.#options.log('error', 'a northbound request failed', { method: request.method, path, error: String(error) });
    }
    if (response.headersSent) return void response.destroy();
    // What is left of a refused body is not read: the connection ends with the answer.
    send(response, status, JSON.stringify(body), { ...headers, ...(!request.complete && { connection: 'close' }) });
  }
}

function send(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(text);
}

function addressOf(request: IncomingMessage): URL {
  try {
    return new URL(request.url ?? '/', 'http://northbound');
  } catch {
    throw new HttpError(400, 'the path cannot be read');
  }
}

function queryOf(given: URLSearchParams): Record<string, string> {
  const names = [...given.keys()];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new HttpError(400, `the query has "${twice.slice(0, 50)}" more than once`);
  return Object.fromEntries(given);
}

/** @throws HttpError 504 */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HttpError(504, `this took longer than ${handlerMs / 1000} s`)), handlerMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
