import { z } from 'zod';
import { type Endpoint, failureSchema, groups } from './endpoint.ts';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/** Failures that any request may have. */
const general = {
  400: 'It does not fit the schema',
  401: 'No token, or an unknown one',
  403: 'The token has not the role for it',
  413: 'The body is too large',
  415: 'The body is of another type than it must be',
  429: 'Too many requests; Retry-After tells when to come again',
  500: 'It went wrong inside',
  504: 'It took too long',
} as const;
const special = {
  404: 'There is none of that name',
  409: 'The request with that Idempotency-Key is still being carried out',
  422: 'The description does not fit; `issues` tells line by line',
  501: 'Not done here; the error says who does it',
  502: 'An agent, Kubernetes or Karmada refused, or could not be reached',
} as const;

/** OpenAPI 3.1 document of a table of endpoints. Its schemas are JSON Schema 2020-12, made of the same zod schemas that the server checks by. */
export function openApiDocument(endpoints: Record<string, Endpoint>, version: string): JsonObject {
  const components = new Components();
  const paths: Record<string, JsonObject> = {};
  components.schema('Failure', failureSchema, 'output');
  for (const [name, one] of Object.entries(endpoints)) {
    for (const [index, path] of [one.path, ...(one.aliases ?? [])].entries()) {
      const operation = operationOf(name, one, components);
      const suffix: JsonObject = index === 0 ? {} : { operationId: `${name}.${index + 1}`, deprecated: true };
      paths[path] = { ...paths[path], [one.method.toLowerCase()]: { ...operation, ...suffix } };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'MLSysOps northbound API',
      version,
      description:
        'The way into the continuum for people and tools. Every request but this document needs a bearer token. A token is of a viewer, who looks, or of an operator, who also changes things.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    tags: Object.entries(groups).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: components.schemas, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  };
}

function operationOf(name: string, one: Endpoint, components: Components): JsonObject {
  const title = pascal(name);
  const failures = Object.entries({
    ...general,
    ...Object.fromEntries((one.failures ?? []).map((status) => [status, special[status]])),
  });
  const answer = { schema: components.schema(`${title}Answer`, one.answer, 'output') };
  return {
    operationId: name,
    tags: [one.group],
    summary: one.summary,
    description: `For ${one.role === 'viewer' ? 'viewers and operators' : 'operators'}.`,
    parameters: [...parametersOf(one, components), ...(one.idempotent ? [idempotencyKey] : [])],
    ...(one.body && { requestBody: { required: true, content: bodyOf(one.body, title, components) } }),
    responses: {
      200: {
        description: one.stream ? 'Server-sent events; the data of each is JSON of this schema' : 'Done',
        content: { [one.stream ? 'text/event-stream' : 'application/json']: answer },
      },
      ...Object.fromEntries(
        failures.map(([status, description]) => [
          status,
          { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } } },
        ]),
      ),
    },
  };
}

const idempotencyKey: JsonObject = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'The same request with the same key is carried out once; kept for a day',
  schema: { type: 'string', minLength: 1, maxLength: 200 },
};

function parametersOf({ path, query, stream }: Endpoint, components: Components): Json[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', minLength: 1, maxLength: 253 },
  }));
  const { properties = {}, required = [] } = query ? components.inline(query, 'input') : {};
  const inQuery = Object.entries(properties as JsonObject).map(([name, schema]) => ({
    name,
    in: 'query',
    required: (required as Json[]).includes(name),
    schema,
  }));
  const lastEvent = { name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string', maxLength: 100 } };
  return [...inPath, ...inQuery, ...(stream ? [lastEvent] : [])];
}

function bodyOf(body: NonNullable<Endpoint['body']>, title: string, components: Components): JsonObject {
  if (body.as === 'json') return { 'application/json': { schema: components.schema(`${title}Request`, body.schema, 'input') } };
  return {
    'application/yaml': { schema: { type: 'string' } },
    'application/json': { schema: { type: 'object', description: 'The description itself, or {"description": "<YAML>"}' } },
  };
}

/** Schemas that the document names once; what several share is one. */
class Components {
  readonly schemas: Record<string, JsonObject> = {};

  schema(name: string, schema: z.ZodType, io: 'input' | 'output'): JsonObject {
    const inline = this.inline(schema, io);
    if (typeof inline.$ref === 'string' && Object.keys(inline).length === 1) return inline;
    this.schemas[name] = inline;
    return { $ref: `#/components/schemas/${name}` };
  }

  /** The schema, with what it defines by name moved to the components. */
  inline(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
    const { $schema, $defs = {}, ...own } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonObject;
    const renamed = new Map<string, string>();
    for (const [name, definition] of Object.entries($defs as Record<string, JsonObject>))
      renamed.set(name, this.#nameOf(name, definition, io));
    for (const [name, definition] of Object.entries($defs as Record<string, JsonObject>))
      this.schemas[renamed.get(name)!] = withoutId(pointed(definition, renamed) as JsonObject);
    return pointed(own, renamed) as JsonObject;
  }

  /** Definitions without a name of their own are any JSON: nothing else here is recursive. */
  #nameOf(name: string, definition: JsonObject, io: 'input' | 'output'): string {
    if (!name.startsWith('__')) return io === 'output' ? name : `${name}Given`;
    let unnamed = name.replace('__schema0', 'AnyJson');
    const text = JSON.stringify(definition).replaceAll(`#/$defs/${name}`, '#');
    for (let i = 2; this.#texts.get(unnamed) !== undefined && this.#texts.get(unnamed) !== text; i++) unnamed = `AnyJson${i}`;
    this.#texts.set(unnamed, text);
    return unnamed;
  }
  readonly #texts = new Map<string, string>();
}

const withoutId = ({ id, ...schema }: JsonObject): JsonObject => schema;

function pointed(value: Json, renamed: ReadonlyMap<string, string>): Json {
  if (Array.isArray(value)) return value.map((one) => pointed(one, renamed));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      if (key !== '$ref' || typeof one !== 'string') return [key, pointed(one, renamed)];
      const name = one.replace(/^#\/\$defs\//, '');
      return [key, `#/components/schemas/${renamed.get(name) ?? name}`];
    }),
  );
}

const pascal = (name: string): string =>
  name.replace(/(^|[.-])(\w)/g, (_, _separator: string, letter: string) => letter.toUpperCase());
