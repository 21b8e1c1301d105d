import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text as textOf } from 'node:stream/consumers';
import { type AnswerOf, type CallInput, type Endpoint, failureSchema } from './endpoint.ts';
import { type EventKind, eventSchema, type NorthboundEvent } from './endpoints/events.ts';
import { type CallName, type Endpoints, endpoints } from './endpoints/table.ts';

/** Where an API is, and what lets one in. */
export interface NorthboundAccess {
  /** "https://host:8000" */
  url: string;
  token: string;
  /** PEM of the authority that has signed the server's certificate; the system's without it. */
  authority?: string | undefined;
}

/** Handlers take 30 s at most, and the way there some time. */
const answerMs = 45_000;

/** The API refused, or could not be reached (status 0). Its message says which, and of a description what is wrong line by line. */
export class NorthboundError extends Error {
  override readonly name = 'NorthboundError';
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}

/** The northbound API as functions, made of the same table that its server is made of. */
export class NorthboundClient {
  readonly #access: NorthboundAccess;

  constructor(access: NorthboundAccess) {
    this.#access = access;
  }

  /** @throws NorthboundError */
  async call<K extends CallName>(
    name: K,
    input: CallInput<Endpoints[K]>,
    { idempotencyKey }: { idempotencyKey?: string } = {},
  ): Promise<AnswerOf<Endpoints[K]>> {
    const one: Endpoint = endpoints[name];
    const { path = {}, query, body } = input as { path?: Record<string, string>; query?: object; body?: unknown };
    const headers = {
      ...(body !== undefined && { 'content-type': one.body?.as === 'description' ? 'application/yaml' : 'application/json' }),
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    };
    const sent = body === undefined ? undefined : one.body?.as === 'description' ? String(body) : JSON.stringify(body);
    const response = await this.#send(one.method, addressOf(one.path, path, query), headers, sent, AbortSignal.timeout(answerMs));
    const value = await answered(response);
    const parsed = one.answer.safeParse(value);
    if (!parsed.success)
      throw new NorthboundError(0, 'invalid-answer', `${this.#access.url} answers ${name} otherwise than this program knows it`);
    return parsed.data as AnswerOf<Endpoints[K]>;
  }

  /** What happens, until `signal` aborts or the server ends it; `lastEventId` goes on after that one. @throws NorthboundError */
  async *events(
    kinds: readonly EventKind[] | undefined,
    signal: AbortSignal,
    lastEventId?: string,
  ): AsyncGenerator<{ id: string; event: NorthboundEvent }> {
    const { method, path } = endpoints.events;
    const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const address = addressOf(path, {}, kinds && { kinds: kinds.join(',') });
    const response = await this.#send(method, address, { accept: 'text/event-stream', ...headers }, undefined, signal);
    if (response.statusCode !== 200) await answered(response);
    response.setEncoding('utf8');
    let text = '';
    try {
      for await (const chunk of response as AsyncIterable<string>) {
        const blocks = (text + chunk).split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) {
          const fields = new Map(
            block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(': ') + 2)]),
          );
          const data = fields.get('data');
          if (data !== undefined) yield { id: fields.get('id') ?? '', event: eventSchema.parse(JSON.parse(data)) };
        }
      }
    } catch (error) {
      if (!signal.aborted) throw unreachable(this.#access.url, error);
    }
  }

  #send(
    method: string,
    address: string,
    headers: Record<string, string>,
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { url, token, authority } = this.#access;
    const target = new URL(address, url);
    const options = { method, headers: { ...headers, authorization: `Bearer ${token}` }, signal };
    return new Promise((resolve, reject) => {
      const sent =
        target.protocol === 'https:'
          ? httpsRequest(target, { ...options, ...(authority !== undefined && { ca: authority }) }, resolve)
          : httpRequest(target, options, resolve);
      sent.on('error', (error) => reject(unreachable(url, error)));
      sent.end(body);
    });
  }
}

function addressOf(template: string, path: Record<string, string>, query: object = {}): string {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ''));
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? filled : `${filled}?${new URLSearchParams(given)}`;
}

/** The value of a success. @throws NorthboundError for anything else */
async function answered(response: IncomingMessage): Promise<unknown> {
  const status = response.statusCode ?? 0;
  const text = await textOf(response);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new NorthboundError(status, 'invalid-answer', `what answers there (HTTP ${status}) is no northbound API`);
  }
  if (status === 200) return value;
  const failure = failureSchema.safeParse(value);
  if (!failure.success) throw new NorthboundError(status, 'failed', `it answers HTTP ${status}`);
  const { error, code, issues = [] } = failure.data;
  const more = issues.filter(({ message }) => !error.includes(message));
  const told = more.map(({ line, path, message }) => `\n  line ${line}${path === '' ? '' : `, ${path}`}: ${message}`).join('');
  throw new NorthboundError(status, code, `${error}${told}`);
}

function unreachable(url: string, error: unknown): NorthboundError {
  const text = error instanceof Error ? error.message : String(error);
  return new NorthboundError(0, 'unreachable', `${url} cannot be reached: ${text}`, { cause: error });
}
