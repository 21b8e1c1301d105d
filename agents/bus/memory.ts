import { z } from 'zod';
import { type Bus, BusError, type Subscription } from './bus.ts';
import { fitting } from './fitting.ts';
import { subjectMatches } from './matching.ts';

/** Told of a payload that did not fit its schema and was not delivered. */
export type OnInvalid = (subject: string, error: Error) => void;

/**
 * A payload on its way. One that its schema would give back as it is goes as it is, and is parsed by nobody else who has the same schema, or one that it fits:
 * who said it is in this process, and was checked. Any other goes as JSON.
 */
type Payload = { schema: z.ZodType; value: unknown } | { text: string };

interface Listener {
  pattern: string;
  receive(payload: Payload, subject: string): void;
}
interface Responder {
  pattern: string;
  respond(question: Payload): Promise<Payload>;
}

/** Routes are kept of so many subjects: a twin of some ten thousand nodes has as many. */
const mostRoutes = 50_000;

/**
 * The bus of a twin and of tests: in one process, with the wildcards and the schemas of the real one, delivered asynchronously and in order. All who hear a
 * payload may hear the same one, which is also the sender's: nobody changes what was said.
 */
export class MemoryBus implements Bus {
  readonly #listeners = new Set<Listener>();
  /** Who hears a subject, as it was last found out; all of it is forgotten when somebody comes or goes. */
  readonly #routes = new Map<string, readonly Listener[]>();
  readonly #waiting: { listener: Listener; payload: Payload; subject: string }[] = [];
  /** By pattern, first come first: most are a subject as it is, and a twin of a thousand nodes has twenty thousand of them. */
  readonly #responders = new Map<string, Set<Responder>>();
  readonly #onInvalid: OnInvalid;
  #closed = false;

  constructor(options: { onInvalid?: OnInvalid } = {}) {
    this.#onInvalid = options.onInvalid ?? (() => {});
  }

  async publish<S extends z.ZodType>(subject: string, schema: S, value: z.infer<S>): Promise<void> {
    const payload = payloadOf(schema, value);
    if (this.#closed) throw new BusError('the bus is closed');
    const isIdle = this.#waiting.length === 0;
    for (const listener of this.#route(subject)) this.#waiting.push({ listener, payload, subject });
    if (isIdle && this.#waiting.length > 0) queueMicrotask(() => this.#deliver());
  }

  subscribe<S extends z.ZodType>(
    subject: string,
    schema: S,
    deliver: (value: z.infer<S>, subject: string) => void,
  ): Subscription {
    const listener: Listener = {
      pattern: subject,
      receive: (payload, at) => {
        const parsed = read(schema, payload);
        if (parsed.success) deliver(parsed.data, at);
        else this.#onInvalid(at, parsed.error);
      },
    };
    this.#listeners.add(listener);
    this.#routes.clear();
    return {
      close: () => {
        this.#listeners.delete(listener);
        this.#routes.clear();
      },
    };
  }

  async request<Q extends z.ZodType, A extends z.ZodType>(
    subject: string,
    question: Q,
    value: z.infer<Q>,
    answer: A,
    timeoutMs: number,
  ): Promise<z.infer<A>> {
    const payload = payloadOf(question, value);
    const responder = this.#responderOf(subject);
    if (this.#closed || !responder) throw new BusError(`nobody answers ${subject}`);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new BusError(`${subject} was not answered within ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      const answered = read(answer, await Promise.race([responder.respond(payload), timeout]));
      if (!answered.success) throw misfit(subject, answered.error);
      return answered.data;
    } catch (error) {
      throw error instanceof BusError ? error : new BusError(`${subject}: ${errorText(error)}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  answer<Q extends z.ZodType, A extends z.ZodType>(
    subject: string,
    question: Q,
    answer: A,
    reply: (value: z.infer<Q>) => Promise<z.infer<A>>,
  ): Subscription {
    const responder: Responder = {
      pattern: subject,
      respond: async (asked) => {
        const parsed = read(question, asked);
        if (!parsed.success) throw parsed.error;
        return payloadOf(answer, await reply(parsed.data));
      },
    };
    const same = this.#responders.get(subject) ?? new Set();
    this.#responders.set(subject, same);
    same.add(responder);
    return {
      close: () => {
        same.delete(responder);
        if (same.size === 0 && this.#responders.get(subject) === same) this.#responders.delete(subject);
      },
    };
  }

  #route(subject: string): readonly Listener[] {
    const before = this.#routes.get(subject);
    if (before) return before;
    const route = [...this.#listeners].filter(({ pattern }) => subjectMatches(pattern, subject));
    if (this.#routes.size >= mostRoutes) this.#routes.clear();
    this.#routes.set(subject, route);
    return route;
  }

  #deliver(): void {
    const waiting = this.#waiting.splice(0);
    let at = 0;
    try {
      while (at < waiting.length) {
        const { listener, payload, subject } = waiting[at++]!;
        if (this.#listeners.has(listener)) listener.receive(payload, subject);
      }
    } finally {
      // Who throws keeps nobody else from hearing.
      if (at < waiting.length) {
        this.#waiting.unshift(...waiting.slice(at));
        queueMicrotask(() => this.#deliver());
      }
    }
  }

  #responderOf(subject: string): Responder | undefined {
    const [exact] = this.#responders.get(subject) ?? [];
    if (exact) return exact;
    for (const [pattern, [first]] of this.#responders)
      if (first && isPattern(pattern) && subjectMatches(pattern, subject)) return first;
    return undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    this.#responders.clear();
  }
}

const isPattern = (subject: string): boolean => subject.includes('*') || subject.includes('>');

/** @throws z.ZodError when the value does not fit its own schema */
function payloadOf(schema: z.ZodType, value: unknown): Payload {
  return fitting(schema)(value) ? { schema, value } : { text: JSON.stringify(schema.parse(value)) };
}

function read<S extends z.ZodType>(schema: S, payload: Payload): z.ZodSafeParseResult<z.infer<S>> {
  if ('text' in payload) return schema.safeParse(JSON.parse(payload.text));
  const { value } = payload;
  if (payload.schema === schema || schema.type === 'unknown' || fitting(schema)(value))
    return { success: true, data: value as z.infer<S> };
  return schema.safeParse(JSON.parse(JSON.stringify(value)));
}

const misfit = (subject: string, error: z.ZodError): BusError =>
  new BusError(`the answer to ${subject} does not fit: ${z.prettifyError(error)}`);

/** @throws BusError when the answer does not fit. */
export function readAnswer<A extends z.ZodType>(subject: string, schema: A, text: string): z.infer<A> {
  const parsed = schema.safeParse(JSON.parse(text));
  if (!parsed.success) throw misfit(subject, parsed.error);
  return parsed.data;
}

export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
