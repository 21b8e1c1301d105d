import type { Clock } from '../clock.ts';

/** Policies are shown a state at once; what takes a program to read is as it was last seen, and seen anew when that is long ago. */
const staleMs = 10_000;

/** The last sight of something that takes time to look at. */
export class Sighting<T> {
  readonly #look: () => Promise<T>;
  readonly #clock: Clock;
  #seen: T | undefined;
  #problem: string | undefined;
  #atMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  constructor(look: () => Promise<T>, clock: Clock) {
    this.#look = look;
    this.#clock = clock;
  }

  /** As last seen; a problem, in words, while nothing has been seen or the last look has failed. */
  get(): { seen: T } | { problem: string } {
    if (this.#clock.now() - this.#atMs >= staleMs) void this.refresh();
    if (this.#problem !== undefined) return { problem: this.#problem };
    return this.#seen === undefined ? { problem: 'not looked at yet' } : { seen: this.#seen };
  }

  /** Looks now, or waits for the look that is under way. */
  refresh(): Promise<void> {
    this.#looking ??= this.#again().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #again(): Promise<void> {
    this.#atMs = this.#clock.now();
    try {
      this.#seen = await this.#look();
      this.#problem = undefined;
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
  }
}
