import type { Endpoint } from './endpoint.ts';
import { HttpError } from './http-error.ts';

interface Route<Name> {
  name: Name;
  method: string;
  parts: { text: string; parameter: boolean }[];
}

export interface Match<Name> {
  name: Name;
  /** Decoded. */
  path: Record<string, string>;
}

/** Names of Kubernetes are at most this long, and so are ours. */
const mostNameLength = 253;

/** Finds the endpoint of a method and path. */
export class Router<Name extends string> {
  readonly #routes: Route<Name>[];

  constructor(endpoints: Record<Name, Endpoint>) {
    this.#routes = (Object.entries(endpoints) as [Name, Endpoint][]).flatMap(([name, { method, path, aliases = [] }]) =>
      [path, ...aliases].map((one) => ({ name, method, parts: partsOf(one) })),
    );
  }

  /** @throws HttpError 400, 404, 405 */
  find(method: string, path: string): Match<Name> {
    const given = path.split('/').filter((part) => part !== '');
    const fitting = this.#routes.filter(
      ({ parts }) =>
        parts.length === given.length && parts.every(({ text, parameter }, index) => parameter || text === given[index]),
    );
    if (fitting.length === 0) throw new HttpError(404, 'there is no such path; /openapi.json tells which there are');
    const route = fitting.find((one) => one.method === method);
    if (!route) {
      const allowed = [...new Set(fitting.map((one) => one.method))].join(', ');
      throw new HttpError(405, `this path has ${allowed} alone`, { allow: allowed });
    }
    const values = route.parts.flatMap(({ text, parameter }, index) =>
      parameter ? [[text, decode(given[index]!)] as const] : [],
    );
    return { name: route.name, path: Object.fromEntries(values) };
  }
}

const partsOf = (path: string): Route<string>['parts'] =>
  path
    .split('/')
    .filter((part) => part !== '')
    .map((part) => (part.startsWith('{') ? { text: part.slice(1, -1), parameter: true } : { text: part, parameter: false }));

function decode(encoded: string): string {
  let name: string;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    throw new HttpError(400, 'a name in the path is not percent-encoded UTF-8');
  }
  if (name.length > mostNameLength) throw new HttpError(400, `a name in the path is longer than ${mostNameLength} characters`);
  return name;
}
