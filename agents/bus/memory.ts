import { z } from 'zod';
import { type Bus, BusError, type Subscription } from './bus.ts';
import { subjectMatches } from './matching.ts';

/** Told of a payload that did not fit its schema and was not delivered. */
export type OnInvalid = (subject: string, error: Error) => void;

interface Listener {
  pattern: string;
  receive(text: string, subject: string): void;
}
interface Responder {
  pattern: string;
  respond(text: string): Promise<string>;
}

/** The bus of a twin and of tests: in one process, with the wildcards and the JSON of the real one, delivered asynchronously and in order. */
export class MemoryBus implements Bus {
  readonly #listeners = new Set<Listener>();
  /** By pattern, first come first: most are a subject as it is, and a twin of a thousand nodes has twenty thousand of them. */
  readonly #responders = new Map<string, Set<Responder>>();
  readonly #onInvalid: OnInvalid;
  #closed = false;

  constructor(options: { onInvalid?: OnInvalid } = {}) {
    this.#onInvalid = options.onInvalid ?? (() => {});
  }

  async publish<S extends z.ZodType>(subject: string, schema: S, value: z.infer<S>): Promise<void> {
    const text = JSON.stringify(schema.parse(value));
    if (this.#closed) throw new BusError('the bus is closed');
    for (const listener of this.#listeners) {
      if (!subjectMatches(listener.pattern, subject)) continue;
      queueMicrotask(() => {
        if (this.#listeners.has(listener)) listener.receive(text, subject);
      });
    }
  }

  subscribe<S extends z.ZodType>(
    subject: string,
    schema: S,
    deliver: (value: z.infer<S>, subject: string) => void,
  ): Subscription {
    const listener: Listener = {
      pattern: subject,
      receive: (text, at) => {
        const parsed = schema.safeParse(JSON.parse(text));
        if (parsed.success) deliver(parsed.data, at);
        else this.#onInvalid(at, parsed.error);
      },
    };
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  async request<Q extends z.ZodType, A extends z.ZodType>(
    subject: string,
    question: Q,
    value: z.infer<Q>,
    answer: A,
    timeoutMs: number,
  ): Promise<z.infer<A>> {
    const text = JSON.stringify(question.parse(value));
    const responder = this.#responderOf(subject);
    if (this.#closed || !responder) throw new BusError(`nobody answers ${subject}`);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new BusError(`${subject} was not answered within ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      return readAnswer(subject, answer, await Promise.race([responder.respond(text), timeout]));
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
      respond: async (text) => JSON.stringify(answer.parse(await reply(question.parse(JSON.parse(text))))),
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

/** @throws BusError when the answer does not fit. */
export function readAnswer<A extends z.ZodType>(subject: string, schema: A, text: string): z.infer<A> {
  const parsed = schema.safeParse(JSON.parse(text));
  if (!parsed.success) throw new BusError(`the answer to ${subject} does not fit: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
