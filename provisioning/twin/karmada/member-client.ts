import { Agent, request } from 'node:https';
import { z } from 'zod';
import { at, type KubeObject, objectSchema, type StoredObject, text } from '../api/objects.ts';

/** A member that does not answer within this is not ready. */
const timeoutMs = 5000;

/** How Karmada reaches a member: from the Cluster's spec and its Secret. */
export interface MemberAccess {
  url: string;
  ca: string;
  token?: string;
  /** PEM, in place of a token. */
  cert?: string;
  key?: string;
}

export class MemberError extends Error {
  override readonly name = 'MemberError';
  /** HTTP status; 0 when the member could not be reached. */
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Requests to the API of one member cluster. */
export class MemberClient {
  readonly #access: MemberAccess;
  readonly #agent: Agent;

  constructor(access: MemberAccess) {
    this.#access = access;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 4, ca: access.ca, cert: access.cert, key: access.key });
  }

  close(): void {
    this.#agent.destroy();
  }

  /** @throws MemberError with the status code, or 0 when the member can't be reached. */
  call(method: string, path: string, body?: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        new URL(path, this.#access.url),
        {
          method,
          agent: this.#agent,
          timeout: timeoutMs,
          headers: {
            accept: 'application/json',
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...(this.#access.token === undefined ? {} : { authorization: `Bearer ${this.#access.token}` }),
          },
        },
        (response) => {
          let source = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            source += chunk;
          });
          response.on('end', () => {
            const code = response.statusCode ?? 0;
            const value = parse(source);
            if (code < 300) resolve(value);
            else reject(new MemberError(code, text(at(value, 'message')) ?? `HTTP ${code}`));
          });
          response.on('error', (error) => reject(new MemberError(0, error.message)));
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
      outgoing.on('error', (error) => reject(new MemberError(0, error.message)));
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async get(path: string): Promise<StoredObject | null> {
    try {
      return objectSchema.parse(await this.call('GET', path)) as StoredObject;
    } catch (error) {
      if (error instanceof MemberError && error.code === 404) return null;
      throw error;
    }
  }

  async list(path: string): Promise<StoredObject[]> {
    const answer = z.object({ items: z.array(z.unknown()) }).parse(await this.call('GET', path));
    return answer.items.map(
      (item) => objectSchema.parse({ apiVersion: 'v1', kind: 'Unknown', ...(item as object) }) as StoredObject,
    );
  }

  create = (path: string, object: KubeObject): Promise<unknown> => this.call('POST', path, object);
  replace = (path: string, object: KubeObject): Promise<unknown> => this.call('PUT', path, object);
  remove = (path: string): Promise<unknown> => this.call('DELETE', path);
}

function parse(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return source;
  }
}
