import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Endpoint } from './endpoint.ts';
import { HttpError } from './http-error.ts';

/** A description is some kilobytes; a megabyte is a mistake or an attack. */
export const mostBodyBytes = 1_000_000;

const treeSchema = z.record(z.string(), z.unknown());

/** The body of a request, checked by the endpoint's schema. @throws HttpError 400, 413, 415 */
export async function readBody(request: IncomingMessage, wanted: NonNullable<Endpoint['body']>): Promise<unknown> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity')
    throw new HttpError(415, 'a compressed body is not taken');
  const isJson = /^application\/(.+\+)?json$/.test(type);
  if (wanted.as === 'json' && !isJson) throw new HttpError(415, 'the body must be JSON (content-type: application/json)');
  const text = await readText(request);
  const value = isJson ? parseJson(text) : text;
  return fitting(wanted.schema, wanted.as === 'description' ? asDescription(value) : value, 'the body');
}

/** @throws HttpError 400 with what does not fit */
export function fitting<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  let parsed: z.ZodSafeParseResult<z.output<S>>;
  try {
    parsed = schema.safeParse(value);
  } catch (error) {
    // Nested deeper than the stack is high.
    if (error instanceof RangeError) throw new HttpError(400, `${what} is nested too deep`);
    throw error;
  }
  if (parsed.success) return parsed.data;
  throw new HttpError(400, `${what} does not fit: ${z.prettifyError(parsed.error).slice(0, 2000)}`);
}

/** YAML as it is, the tree itself as JSON, or {"description": "<YAML>"}, or {"yaml": tree} as the framework's CLI sends infrastructure. */
function asDescription(value: unknown): string {
  if (typeof value === 'string') return value;
  const parsed = treeSchema.safeParse(value);
  if (!parsed.success) throw new HttpError(400, 'the body is neither {"description": "<YAML>"} nor a description');
  const [[key, only] = [], ...others] = Object.entries(parsed.data);
  if (key === 'description' && others.length === 0 && typeof only === 'string') return only;
  // JSON is YAML.
  return JSON.stringify(key === 'yaml' && others.length === 0 ? only : value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpError(400, 'the body is no JSON');
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  if (Number(request.headers['content-length'] ?? 0) > mostBodyBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > mostBodyBytes) throw tooLarge();
    chunks.push(bytes);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new HttpError(400, 'the body is not UTF-8');
  }
}

const tooLarge = (): HttpError => new HttpError(413, `the body is over ${mostBodyBytes} bytes`);
