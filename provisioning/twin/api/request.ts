import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';
import { ApiError } from './objects.ts';

/** Largest object that is taken, as etcd's own limit. */
const maximumBodyBytes = 1_572_864;

/** Path of a request in the API's own terms. */
export interface Target {
  group: string;
  version: string;
  plural: string;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
}

/** /api/v1/namespaces/x/pods/y/status and the like. undefined when a path is not of this form. */
export function targetOf(path: string): Target | undefined {
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  const [root] = parts;
  if (root !== 'api' && root !== 'apis') return undefined;
  const [group, version, ...rest] = root === 'api' ? ['', ...parts.slice(1)] : parts.slice(1);
  if (group === undefined || version === undefined || rest.length === 0) return undefined;
  // "namespaces/x/pods" is in a namespace; "namespaces/x" and its subresources are the namespace itself.
  if (rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize') {
    const [, namespace, plural = '', name, subresource] = rest;
    return { group, version, plural, namespace, name, subresource };
  }
  const [plural = '', name, subresource] = rest;
  return { group, version, plural, namespace: undefined, name, subresource };
}

/** Body of a request: JSON, or YAML where it says so. @throws ApiError 400, 413 */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maximumBodyBytes) throw new ApiError(413, 'RequestEntityTooLarge', `limit is ${maximumBodyBytes} bytes`);
    chunks.push(chunk);
  }
  const source = Buffer.concat(chunks).toString('utf8');
  if (source === '') return undefined;
  const type = request.headers['content-type'] ?? '';
  try {
    return type.includes('yaml') ? parse(source) : JSON.parse(source);
  } catch (error) {
    throw new ApiError(400, 'BadRequest', `the body can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
