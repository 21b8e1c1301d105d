import { z } from 'zod';
import type { Log } from '../config.ts';
import { HttpError } from './http-error.ts';
import { KeptFile } from './kept-file.ts';

const keptSchema = z.object({
  requests: z.array(
    z.object({
      /** Caller and Idempotency-Key. */
      id: z.string(),
      /** SHA-256 of what was asked. */
      digest: z.string(),
      /** ms since the epoch. */
      at: z.number(),
      answer: z.json(),
    }),
  ),
});
type Kept = z.infer<typeof keptSchema>['requests'][number];

/** As long as a client may still try again. */
const keptMs = 24 * 3600 * 1000;
const mostKept = 1000;

export const idempotencyKeySchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'an Idempotency-Key has 1 to 200 visible ASCII characters');

/**
 * Requests that were carried out, by their Idempotency-Key: who did not hear the answer may ask again, and gets the same one. Kept in a file, so
 * also over a restart. As in the IETF draft "The Idempotency-Key HTTP Header Field": the same key with another request is 422, while the first
 * is still under way 409. Only successes are kept: what failed may be tried again.
 */
export class IdempotentRequests {
  readonly #file: KeptFile<typeof keptSchema>;
  readonly #now: () => number;
  readonly #kept = new Map<string, Kept>();
  readonly #underWay = new Set<string>();

  private constructor(path: string, now: () => number) {
    this.#file = new KeptFile(path, keptSchema);
    this.#now = now;
  }

  /** `now` in ms since the epoch. */
  static async open(path: string, now: () => number, log: Log): Promise<IdempotentRequests> {
    const requests = new IdempotentRequests(path, now);
    for (const one of (await requests.#file.load(log))?.requests ?? []) requests.#kept.set(one.id, one);
    return requests;
  }

  /** Carries it out, or gives the answer that it had. @throws HttpError 409, 422; what `work` throws */
  async once<A>(id: string, digest: string, work: () => Promise<A>): Promise<{ answer: A; isRepeated: boolean }> {
    const before = this.#kept.get(id);
    if (before && this.#now() - before.at < keptMs) {
      if (before.digest !== digest) throw new HttpError(422, 'this Idempotency-Key was used for another request');
      return { answer: before.answer as A, isRepeated: true };
    }
    if (this.#underWay.has(id)) throw new HttpError(409, 'the request with this Idempotency-Key is still being carried out');
    this.#underWay.add(id);
    try {
      const answer = await work();
      this.#kept.set(id, { id, digest, at: this.#now(), answer: z.json().parse(answer) });
      await this.#save();
      return { answer, isRepeated: false };
    } finally {
      this.#underWay.delete(id);
    }
  }

  #save(): Promise<void> {
    for (const [id, { at }] of this.#kept) if (this.#kept.size > mostKept || this.#now() - at >= keptMs) this.#kept.delete(id);
    return this.#file.save({ requests: [...this.#kept.values()] });
  }
}
