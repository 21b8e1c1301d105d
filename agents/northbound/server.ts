import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { ApplicationStatus } from '../bus/messages.ts';
import type { ListedApplication } from '../bus/requests.ts';
import type { AgentConfig, Log } from '../config.ts';
import { DescriptionError } from '../descriptions/parse.ts';

/** What the API offers, apart from how. */
export interface ContinuumServices {
  /** @throws DescriptionError, OrchestrationError */
  deploy(description: string): Promise<{ application: string; uid: string }>;
  list(): Promise<ListedApplication[]>;
  status(id: string): Promise<ApplicationStatus | undefined>;
  /** false when there is none. */
  remove(id: string): Promise<boolean>;
}

/** A description is some kilobytes; a megabyte is a mistake or an attack. */
const mostBodyBytes = 1_000_000;

class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What may be sent to deploy: YAML as it is, or JSON as the framework's CLI sends it. */
const jsonBodySchema = z.union([z.object({ description: z.string() }), z.record(z.string(), z.json())]);

/** The framework's northbound API, with a bearer token. Resolves when it listens; `port` 0 takes a free one. */
export async function startNorthbound(
  config: NonNullable<AgentConfig['northbound']>,
  services: ContinuumServices,
  log: Log,
): Promise<{ close(): void; port: number }> {
  const token = digest((await readFile(config.tokenFile, 'utf8')).trim());
  const server = createServer((request, response) => {
    void answer(request, response, services, token, log);
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  return {
    close() {
      server.close();
      server.closeAllConnections();
    },
    port: (server.address() as AddressInfo).port,
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  services: ContinuumServices,
  token: Buffer,
  log: Log,
): Promise<void> {
  const send = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(body));
  };
  try {
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!timingSafeEqual(digest(given), token)) throw new HttpError(401, 'a bearer token is needed');
    send(200, await route(request, services));
  } catch (error) {
    // What is left of a refused body is not read: the connection ends with the answer.
    if (!request.complete) response.setHeader('connection', 'close');
    if (error instanceof HttpError) return send(error.status, { error: error.message });
    if (error instanceof DescriptionError) return send(422, { error: error.message, issues: error.issues });
    log('error', 'northbound request failed', { path: request.url, error: String(error) });
    send(502, { error: error instanceof Error ? error.message : String(error) });
  }
}

async function route(request: IncomingMessage, services: ContinuumServices): Promise<unknown> {
  const path = new URL(request.url ?? '/', 'http://northbound').pathname.replace(/\/+$/, '');
  const call = `${request.method} ${path}`;
  if (call === 'GET /manage/ping') return { status: 'ok' };
  if (call === 'GET /apps/list_all') return services.list();
  if (call === 'POST /apps/deploy')
    return services.deploy(descriptionIn(await readBody(request), request.headers['content-type']));
  const [, verb, encoded = ''] = /^\/apps\/(status|remove)\/([^/]+)$/.exec(path) ?? [];
  const id = decodeId(encoded);
  if (request.method === 'GET' && verb === 'status') {
    const status = await services.status(id);
    if (!status) throw new HttpError(404, `nothing is known of an application "${id}"`);
    return status;
  }
  if (request.method === 'DELETE' && verb === 'remove') {
    if (!(await services.remove(id))) throw new HttpError(404, `there is no application "${id}"`);
    return { application: id };
  }
  throw new HttpError(404, `there is no ${call}`);
}

function decodeId(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new HttpError(400, 'the id is not percent-encoded UTF-8');
  }
}

function descriptionIn(body: string, contentType: string | undefined): string {
  if (!contentType?.includes('json')) return body;
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new HttpError(400, 'the body is no JSON');
  }
  const parsed = jsonBodySchema.safeParse(value);
  if (!parsed.success) throw new HttpError(400, 'the body is neither {"description": "<YAML>"} nor a description');
  // JSON is YAML.
  return typeof parsed.data.description === 'string' ? parsed.data.description : JSON.stringify(parsed.data);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > mostBodyBytes) throw new HttpError(413, `the body is over ${mostBodyBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Of equal length whatever the token, so that comparing tells nothing. */
const digest = (token: string): Buffer => createHash('sha256').update(token).digest();
