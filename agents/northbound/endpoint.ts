import { z } from 'zod';

/** A viewer looks; an operator changes things, and may all that a viewer may. */
export const roleSchema = z.enum(['viewer', 'operator']);
export type Role = z.infer<typeof roleSchema>;

export const groups = {
  apps: 'Applications: deploy, look at and remove them',
  infra: 'Datacenters, clusters and nodes: what is described, and what is really there',
  ml: 'Models that are served over HTTP: register them, see whether they answer, ask them',
  manage: 'The system as a whole: is it alive, how does it decide, what is it to keep to',
  agents: 'Single agents: their policies and settings',
  framework: 'The framework itself',
  events: 'What happens, as it happens',
} as const;
export type Group = keyof typeof groups;

/** One operation of the API as data: the server, the OpenAPI document and the client are all made of it. */
export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** "/apps/status/{id}": what is in braces is one part of the path. A slash at the end makes no difference. */
  readonly path: string;
  /** Other paths that tools of the framework use for the same; each has the same parameters. */
  readonly aliases?: readonly string[];
  readonly group: Group;
  readonly role: Role;
  readonly summary: string;
  readonly query?: z.ZodObject;
  /** "description" is YAML or JSON of a description, as text; anything else is JSON. */
  readonly body?: { readonly as: 'json' | 'description'; readonly schema: z.ZodType };
  /** What it answers with 200. Events of a stream have it each. */
  readonly answer: z.ZodType;
  /** Answers text/event-stream. */
  readonly stream?: true;
  /** An Idempotency-Key is heeded: the same request is carried out once, also over a restart. */
  readonly idempotent?: true;
  /** Statuses besides those that any operation may have. */
  readonly failures?: readonly (404 | 409 | 422 | 501 | 502)[];
}

/** Keeps the types of an endpoint as narrow as they are written. */
export const endpoint = <const E extends Endpoint>(value: E): E => value;

type Parameters<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | Parameters<Rest> : never;
type Field<Name extends string, Value> = [Value] extends [undefined] ? { [K in Name]?: undefined } : { [K in Name]: Value };
type PathOf<E extends Endpoint> = [Parameters<E['path']>] extends [never] ? undefined : Record<Parameters<E['path']>, string>;

/** What a client gives: defaults may be left out. */
export type CallInput<E extends Endpoint> = Field<'path', PathOf<E>> &
  (E extends { query: infer Q extends z.ZodObject } ? { query?: z.input<Q> } : unknown) &
  (E extends { body: { schema: infer B extends z.ZodType } } ? { body: z.input<B> } : unknown);

/** What a handler gets: all of it has passed its schema. */
export type HandlerInput<E extends Endpoint> = Field<'path', PathOf<E>> &
  (E extends { query: infer Q extends z.ZodObject } ? { query: z.output<Q> } : unknown) &
  (E extends { body: { schema: infer B extends z.ZodType } } ? { body: z.output<B> } : unknown);

export type AnswerOf<E extends Endpoint> = z.output<E['answer']>;

/** Body of every answer that is no success. */
export const failureSchema = z
  .object({
    /** One sentence, for people. */
    error: z.string(),
    /** For programs: "unauthorized", "not-found", "invalid", … */
    code: z.string(),
    /** Of a description: line (from 1), path and message of each problem. */
    issues: z.array(z.object({ line: z.number().int(), path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Failure' });
export type FailureBody = z.infer<typeof failureSchema>;

/** Text of a description in YAML or JSON. */
export const descriptionTextSchema = z.string().min(1).max(1_000_000);
