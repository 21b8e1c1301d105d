import type { z } from 'zod';

export interface Subscription {
  close(): void;
}

/** What a bus carries is JSON, and fits its schema on both ends. What was said or heard is nobody's to change: within one process it may be the same value for all. */
export interface Bus {
  /** @throws z.ZodError when the value does not fit its own schema. */
  publish<S extends z.ZodType>(subject: string, schema: S, value: z.infer<S>): Promise<void>;
  /** `subject` may hold NATS wildcards (`*`, `>`). A payload that does not fit is reported to `onInvalid` and not delivered. */
  subscribe<S extends z.ZodType>(subject: string, schema: S, deliver: (value: z.infer<S>, subject: string) => void): Subscription;
  /** @throws BusError when nobody answers within `timeoutMs`, or the answer does not fit. */
  request<Q extends z.ZodType, A extends z.ZodType>(
    subject: string,
    question: Q,
    value: z.infer<Q>,
    answer: A,
    timeoutMs: number,
  ): Promise<z.infer<A>>;
  answer<Q extends z.ZodType, A extends z.ZodType>(
    subject: string,
    question: Q,
    answer: A,
    reply: (value: z.infer<Q>) => Promise<z.infer<A>>,
  ): Subscription;
  close(): Promise<void>;
}

export class BusError extends Error {
  override readonly name = 'BusError';
}
