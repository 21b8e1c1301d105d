import type { IncomingMessage, ServerResponse } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { z } from 'zod';
import { type HttpServiceOptions, readBody, startHttpService } from '../http-service.ts';
import { type ExportRequest, exportRequest, exportRequestSchema, exportResponse } from './messages.ts';
import type { PushedMetrics } from './pushed.ts';
import { decodeMessage, encodeMessage, type Message } from './wire.ts';

const mostBytes = 1024 * 1024;
const mostUnpackedBytes = 4 * 1024 * 1024;
/** Requests a second that are read, all applications together; of a burst so many at once. */
const mostPerSecond = 50;

export interface ReceiverOptions extends HttpServiceOptions {
  /** Networks that may push, as CIDR: loopback, and that of the pods. */
  from: readonly string[];
  /** ms, on a clock that never goes back. */
  now?: () => number;
}

/** OTLP/HTTP for metrics on POST /v1/metrics, protobuf and JSON, plain or gzip (https://opentelemetry.io/docs/specs/otlp/#otlphttp). */
export function startReceiver(options: ReceiverOptions, pushed: PushedMetrics): ReturnType<typeof startHttpService> {
  const allowed = networksOf(options.from);
  const now = options.now ?? (() => performance.now());
  let tokens = mostPerSecond;
  let filledAt = now();
  const hasToken = (): boolean => {
    const at = now();
    tokens = Math.min(mostPerSecond, tokens + ((at - filledAt) / 1000) * mostPerSecond);
    filledAt = at;
    if (tokens < 1) return false;
    tokens--;
    return true;
  };
  return startHttpService(options, (request, response) => {
    const address = request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
    if (!allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'))
      refuse(request, response, 403, 'only components of this node may push');
    else if (request.url?.split('?')[0] !== '/v1/metrics') refuse(request, response, 404, 'metrics are taken at /v1/metrics');
    else if (request.method !== 'POST') refuse(request, response, 405, 'POST');
    else if (!hasToken()) refuse(request, response, 429, 'too many requests', { 'retry-after': '1' });
    else void answer(request, response, (parsed) => pushed.take(parsed, now(), isLoopback(address) ? undefined : address));
  });
}

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  take: (request: ExportRequest) => ReturnType<PushedMetrics['take']>,
): Promise<void> {
  const type = request.headers['content-type']?.split(';')[0]?.trim();
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (type !== 'application/x-protobuf' && type !== 'application/json')
    return refuse(request, response, 415, 'application/x-protobuf or application/json');
  if (encoding !== 'identity' && encoding !== 'gzip') return refuse(request, response, 415, 'identity or gzip');
  try {
    const body = await readBody(request, mostBytes);
    const bytes = encoding === 'gzip' ? await promisify(gunzip)(body, { maxOutputLength: mostUnpackedBytes }) : body;
    const isJson = type === 'application/json';
    const parsed = exportRequestSchema.safeParse(
      isJson ? JSON.parse(bytes.toString('utf8')) : decodeMessage(exportRequest, bytes),
    );
    if (!parsed.success) return refuse(request, response, 400, z.prettifyError(parsed.error));
    const { rejected, reason } = take(parsed.data);
    const told: Message = rejected === 0 ? {} : { partialSuccess: { rejectedDataPoints: rejected, errorMessage: reason ?? '' } };
    response.writeHead(200, { 'content-type': type });
    response.end(isJson ? JSON.stringify(told) : encodeMessage(exportResponse, told));
  } catch (error) {
    const isTooLong = error instanceof RangeError;
    refuse(request, response, isTooLong ? 413 : 400, error instanceof Error ? error.message : String(error));
  }
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  why: string,
  headers: Record<string, string> = {},
): void {
  // What was not read would be taken for the next request of the connection.
  response.writeHead(status, { 'content-type': 'text/plain', connection: 'close', ...headers }).end(`${why.slice(0, 500)}\n`);
  request.resume();
}

/** @throws Error when one is no network */
function networksOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix] = cidr.split('/');
    const isSix = isIPv6(address);
    list.addSubnet(address, Number(prefix ?? (isSix ? 128 : 32)), isSix ? 'ipv6' : 'ipv4');
  }
  return list;
}
