import type { Clock } from './clock.ts';

/** Time moved by hand, for tests: nothing happens until `advance`. */
export class ManualClock implements Clock {
  #now: number;
  #timers: { at: number; run: () => void | Promise<void>; everyMs?: number }[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  every(intervalMs: number, run: () => void | Promise<void>): { close(): void } {
    return this.#add({ at: this.#now + intervalMs, run, everyMs: intervalMs });
  }

  after(delayMs: number, run: () => void | Promise<void>): { close(): void } {
    return this.#add({ at: this.#now + delayMs, run });
  }

  /** Moves time on, running what falls due, in order, each to its end before the next. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#now = Math.max(this.#now, due.at);
      if (due.everyMs === undefined) this.#timers = this.#timers.filter((timer) => timer !== due);
      else due.at += due.everyMs;
      await due.run();
      // What the callback has set off without waiting for it goes on for a few turns.
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    }
    this.#now = until;
  }

  #add(timer: { at: number; run: () => void | Promise<void>; everyMs?: number }): { close(): void } {
    this.#timers.push(timer);
    return {
      close: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }
}
