import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Endpoint } from './endpoint.ts';
import { HttpError } from './http-error.ts';

/** A description is some kilobytes; a megabyte is a mistake or an attack. */
export const mostBodyBytes = 1_000_000;

/** What may be sent as a description: YAML as it is, or JSON as the framework's CLI sends it. */
const jsonDescriptionSchema = z.union([
  z.strictObject({ description: z.string() }),
  z.record(z.string(), z.unknown()).refine((value) => !('description' in value && Object.keys(value).length === 1)),
]);

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

function asDescription(value: unknown): string {
  if (typeof value === 'string') return value;
  const parsed = jsonDescriptionSchema.safeParse(value);
  if (!parsed.success) throw new HttpError(400, 'the body is neither {"description": "<YAML>"} nor a description');
  const { description } = parsed.data;
  // JSON is YAML.
  return typeof description === 'string' ? description : JSON.stringify(parsed.data);
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
