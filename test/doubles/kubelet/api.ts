import { readFileSync } from 'node:fs';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { Agent, request } from 'node:https';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Log } from './types.ts';

const kubeconfigSchema = z.looseObject({
  'current-context': z.string().optional(),
  clusters: z.array(
    z.looseObject({
      name: z.string(),
      cluster: z.looseObject({
        server: z.string(),
        'certificate-authority': z.string().optional(),
        'certificate-authority-data': z.string().optional(),
        'insecure-skip-tls-verify': z.boolean().optional(),
      }),
    }),
  ),
  contexts: z.array(z.looseObject({ name: z.string(), context: z.looseObject({ cluster: z.string(), user: z.string() }) })),
  users: z.array(
    z.looseObject({
      name: z.string(),
      user: z.looseObject({
        token: z.string().optional(),
        tokenFile: z.string().optional(),
        'client-certificate': z.string().optional(),
        'client-certificate-data': z.string().optional(),
        'client-key': z.string().optional(),
        'client-key-data': z.string().optional(),
      }),
    }),
  ),
});

/** The API answered with an error status. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface ListAnswer<T> {
  metadata: { resourceVersion: string };
  items: T[];
}
const eventSchema = z.object({ type: z.string(), object: z.looseObject({}) });

/** The Kubernetes API with nothing but node:https: the double stays one small file. */
export class Api {
  readonly #server: URL;
  readonly #agent: Agent;
  readonly #token: string | undefined;

  constructor(kubeconfig: string, baseFolder = '/') {
    const config = kubeconfigSchema.parse(parse(kubeconfig));
    const context = (config.contexts.find(({ name }) => name === config['current-context']) ?? config.contexts[0])?.context;
    const cluster = config.clusters.find(({ name }) => name === context?.cluster)?.cluster;
    const user = config.users.find(({ name }) => name === context?.user)?.user;
    if (!cluster || !user) throw new Error('the kubeconfig has no context with a cluster and a user');
    const read = (data: string | undefined, file: string | undefined): string | undefined => {
      if (data) return Buffer.from(data, 'base64').toString();
      return file && readFileSync(resolve(baseFolder, file), 'utf8');
    };
    this.#server = new URL(cluster.server);
    this.#token = user.token ?? read(undefined, user.tokenFile)?.trim();
    this.#agent = new Agent({
      keepAlive: true,
      ca: read(cluster['certificate-authority-data'], cluster['certificate-authority']),
      cert: read(user['client-certificate-data'], user['client-certificate']),
      key: read(user['client-key-data'], user['client-key']),
      rejectUnauthorized: !cluster['insecure-skip-tls-verify'],
    });
  }

  static fromFile(file: string): Api {
    return new Api(readFileSync(file, 'utf8'), dirname(file));
  }

  /** @throws ApiError on an error status, Error of the network otherwise. */
  async call<T>(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<T> {
    const answer = await this.#send(method, path, body === undefined ? undefined : JSON.stringify(body), contentType, 10_000);
    const text = await textOf(answer);
    const status = answer.statusCode ?? 0;
    if (status >= 400) throw new ApiError(status, `${method} ${path}: ${status} ${messageIn(text)}`);
    return JSON.parse(text) as T;
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.call('PATCH', path, body, 'application/merge-patch+json');
  }

  /**
   * Follows a collection for ever: `onAll` with the whole list at first and after every break, `onEvent` in between.
   * What was known stays known while the API is away.
   */
  follow<T>(
    path: string,
    handlers: { onAll(items: T[]): void; onEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', item: T): void },
    log: Log,
  ): { close(): void } {
    const stop = new AbortController();
    const run = async (): Promise<void> => {
      for (let delayMs = 250; !stop.signal.aborted; delayMs = Math.min(delayMs * 2, 5000)) {
        try {
          const list = await this.call<ListAnswer<T>>('GET', path);
          handlers.onAll(list.items);
          delayMs = 250;
          await this.#watch(path, list.metadata.resourceVersion, handlers, stop.signal);
        } catch (error) {
          if (!stop.signal.aborted) log(`${path}: ${error instanceof Error ? error.message : error}; again in ${delayMs} ms`);
        }
        await pause(delayMs, stop.signal);
      }
    };
    void run();
    return { close: () => stop.abort() };
  }

  close(): void {
    this.#agent.destroy();
  }

  async #watch<T>(
    path: string,
    resourceVersion: string,
    handlers: { onEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', item: T): void },
    signal: AbortSignal,
  ): Promise<void> {
    const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${encodeURIComponent(resourceVersion)}`;
    const answer = await this.#send('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`, undefined, '', 0, signal);
    if (answer.statusCode !== 200) throw new ApiError(answer.statusCode ?? 0, `watch of ${path}: ${await textOf(answer)}`);
    let rest = '';
    answer.setEncoding('utf8');
    for await (const part of answer as AsyncIterable<string>) {
      rest += part;
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.trim() === '') continue;
        const event = eventSchema.parse(JSON.parse(line));
        if (event.type === 'ERROR') throw new Error(`the watch ended: ${JSON.stringify(event.object)}`);
        if (event.type === 'ADDED' || event.type === 'MODIFIED' || event.type === 'DELETED')
          handlers.onEvent(event.type, event.object as T);
      }
    }
  }

  #send(
    method: string,
    path: string,
    body: string | undefined,
    contentType: string,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const isPlain = this.#server.protocol === 'http:';
      const outgoing = (isPlain ? plainRequest : request)(
        new URL(path, this.#server),
        {
          method,
          agent: isPlain ? undefined : this.#agent,
          timeout: timeoutMs || undefined,
          signal,
          headers: {
            accept: 'application/json',
            ...(this.#token && { authorization: `Bearer ${this.#token}` }),
            ...(body !== undefined && { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }),
          },
        },
        resolve,
      );
      // A watch may stay silent for long, but a host that lost power never closes it: the kernel finds out.
      outgoing.on('socket', (socket) => socket.setKeepAlive(true, 10_000));
      outgoing.on('timeout', () => outgoing.destroy(new Error(`${this.#server.host} did not answer within ${timeoutMs} ms`)));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function messageIn(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && 'message' in parsed) return String(parsed.message);
  } catch {
    // Not JSON: shown as it is.
  }
  return text.slice(0, 300);
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
