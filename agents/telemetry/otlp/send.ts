import { readFile } from 'node:fs/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { exportResponse } from './messages.ts';
import { decodeMessage } from './wire.ts';

/** What came of sending a batch: taken (but for some points), to be tried again, or refused for good. */
export type Outcome =
  | { kind: 'taken'; rejected: number }
  | { kind: 'retry'; reason: string; retryAfterMs?: number }
  | { kind: 'refused'; reason: string };
/** @param body an encoded ExportMetricsServiceRequest */
export type Send = (body: Buffer) => Promise<Outcome>;

const timeoutMs = 10_000;
const mostAnswerBytes = 64 * 1024;
/** Of which OTLP says that they may be tried again. */
const retryable = new Set([429, 502, 503, 504]);

export interface CollectorOptions {
  /** http://collector:4318, or the whole address of its metrics. */
  endpoint: string;
  /** Lines "Name: value", for who may send: read anew each time, so that a token may change. */
  headersFile?: string;
  /** PEM of the authorities that the collector's certificate may be from, in place of the runtime's own. */
  caFile?: string;
}

/** Sends by OTLP/HTTP with protobuf. Never throws: what went wrong is the outcome. @throws TypeError at once when the endpoint is no http(s) address */
export function collector({ endpoint, headersFile, caFile }: CollectorOptions): Send {
  const url = new URL(endpoint);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new TypeError(`${endpoint} is no http or https address`);
  if (!url.pathname.endsWith('/v1/metrics')) url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/metrics`;
  return async (body) => {
    try {
      const own = headersFile === undefined ? {} : parseHeaders(await readFile(headersFile, 'utf8'));
      const packed = await promisify(gzip)(body);
      const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
      return await post(url, ca, packed, { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip', ...own });
    } catch (error) {
      return { kind: 'retry', reason: error instanceof Error ? error.message : String(error) };
    }
  };
}

/** @throws Error naming the line that is no header */
export function parseHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*)$/.exec(line) ?? [];
    // The line itself may hold a secret.
    if (name === undefined || value === undefined) throw new Error(`line ${index + 1} of the headers' file is no "Name: value"`);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function post(url: URL, ca: string | undefined, body: Buffer, headers: Record<string, string>): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const open = url.protocol === 'https:' ? requestHttps : requestHttp;
    const options = { method: 'POST', headers: { ...headers, 'content-length': String(body.length) }, ca };
    const request = open(url, options, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length <= mostAnswerBytes) chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        const reason = `${url.host} answered ${status}`;
        if (status >= 200 && status < 300) resolve({ kind: 'taken', rejected: rejectedBy(Buffer.concat(chunks)) });
        else if (retryable.has(status)) {
          const after = Number(response.headers['retry-after']);
          resolve({ kind: 'retry', reason, ...(Number.isFinite(after) && { retryAfterMs: after * 1000 }) });
        } else resolve({ kind: 'refused', reason });
      });
    });
    const timer = setTimeout(() => request.destroy(new Error(`${url.host} did not answer within ${timeoutMs} ms`)), timeoutMs);
    request.on('close', () => clearTimeout(timer));
    request.on('error', reject);
    request.end(body);
  });
}

/** Points that a collector says it did not take. One whose answer cannot be read has taken them all. */
function rejectedBy(body: Buffer): number {
  try {
    const { partialSuccess } = decodeMessage(exportResponse, body);
    const rejected = typeof partialSuccess === 'object' && !Array.isArray(partialSuccess) ? partialSuccess.rejectedDataPoints : 0;
    return typeof rejected === 'number' ? rejected : 0;
  } catch {
    return 0;
  }
}
