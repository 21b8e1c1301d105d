import type { z } from 'zod';
import { type Bus, BusError, type Subscription } from '../../agents/bus/bus.ts';

/** Said into a cut link: refused as it would be otherwise, and heard by nobody. */
const parsed = async (schema: z.ZodType, value: unknown): Promise<void> => void schema.parse(value);

/**
 * The bus as a simulated node reaches it: over its link. While that is cut, what the node says is lost, it hears nothing, and nobody gets an
 * answer of it.
 */
export class LinkedBus implements Bus {
  readonly #bus: Bus;
  readonly #isReachable: () => boolean;

  constructor(bus: Bus, isReachable: () => boolean) {
    this.#bus = bus;
    this.#isReachable = isReachable;
  }

  publish<S extends z.ZodType>(subject: string, schema: S, value: z.infer<S>): Promise<void> {
    return this.#isReachable() ? this.#bus.publish(subject, schema, value) : parsed(schema, value);
  }

  subscribe<S extends z.ZodType>(
    subject: string,
    schema: S,
    deliver: (value: z.infer<S>, subject: string) => void,
  ): Subscription {
    return this.#bus.subscribe(subject, schema, (value, at) => {
      if (this.#isReachable()) deliver(value, at);
    });
  }

  async request<Q extends z.ZodType, A extends z.ZodType>(
    subject: string,
    question: Q,
    value: z.infer<Q>,
    answer: A,
    timeoutMs: number,
  ): Promise<z.infer<A>> {
    this.#throwIfCut(subject);
    return this.#bus.request(subject, question, value, answer, timeoutMs);
  }

  answer<Q extends z.ZodType, A extends z.ZodType>(
    subject: string,
    question: Q,
    answer: A,
    reply: (value: z.infer<Q>) => Promise<z.infer<A>>,
  ): Subscription {
    return this.#bus.answer(subject, question, answer, async (value) => {
      this.#throwIfCut(subject);
      return reply(value);
    });
  }

  /** The bus is not the node's own to close. */
  async close(): Promise<void> {}

  #throwIfCut(subject: string): void {
    if (!this.#isReachable()) throw new BusError(`${subject}: the link is cut`);
  }
}
