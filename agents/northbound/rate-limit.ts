/** Whoever has not been heard for so long has a full bucket again, and is forgotten. */
const mostKnown = 10_000;

/** A token bucket for each caller: `burst` at once, `perSecond` in the long run. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  /** `now` in ms. */
  constructor(options: { perSecond: number; burst: number; now: () => number }) {
    this.#perSecond = options.perSecond;
    this.#burst = options.burst;
    this.#now = options.now;
  }

  /** 0 when it may, else the seconds to wait. */
  take(caller: string): number {
    const now = this.#now();
    const bucket = this.#buckets.get(caller) ?? { left: this.#burst, at: now };
    bucket.left = Math.min(this.#burst, bucket.left + (Math.max(0, now - bucket.at) * this.#perSecond) / 1000);
    bucket.at = now;
    // Set anew, so that the first is who was heard longest ago.
    this.#buckets.delete(caller);
    this.#buckets.set(caller, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > mostKnown && oldest !== undefined) this.#buckets.delete(oldest);
    if (bucket.left < 1) return (1 - bucket.left) / this.#perSecond;
    bucket.left--;
    return 0;
  }
}
