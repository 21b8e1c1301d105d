import type { Clock } from '../../../agents/clock.ts';
import { type Timer, Timers } from './timers.ts';

/** What a callback has set off without waiting for it goes on for so many turns: a request over the bus and its answer take about ten. */
const turns = 20;

/** Time that goes as fast as what is to be done by it: nothing happens until `advance`, and then everything that falls due, in order. */
export class SteppedClock implements Clock {
  readonly #timers = new Timers();
  readonly #awaited = new Set<Promise<void>>();
  #now: number;

  /** @param startMs ms since the epoch */
  constructor(startMs: number) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  every(intervalMs: number, run: () => void | Promise<void>): { close(): void } {
    let timer: Timer;
    let isGoing = false;
    const again = (): void | Promise<void> => {
      timer = this.#timers.add(timer.at + intervalMs, again);
      if (isGoing) return undefined;
      isGoing = true;
      const done = run();
      if (!(done instanceof Promise)) {
        isGoing = false;
        return undefined;
      }
      return done.finally(() => {
        isGoing = false;
      });
    };
    timer = this.#timers.add(this.#now + intervalMs, again);
    return {
      close: () => {
        timer.closed = true;
      },
    };
  }

  after(delayMs: number, run: () => void | Promise<void>): { close(): void } {
    const timer = this.#timers.add(this.#now + Math.max(0, delayMs), run);
    return {
      close: () => {
        timer.closed = true;
      },
    };
  }

  /** Time stands still until this is done: something that is asked for takes real time, and none of the simulated. */
  waitFor(answer: Promise<void>): void {
    const awaited = answer.finally(() => this.#awaited.delete(awaited));
    this.#awaited.add(awaited);
  }

  /** Moves time on, running what falls due, each to its end before the next. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (let timer = this.#timers.take(until); timer; timer = this.#timers.take(until)) {
      this.#now = Math.max(this.#now, timer.at);
      await timer.run();
      for (let turn = 0; turn < turns; turn++) await null;
      while (this.#awaited.size > 0) await Promise.all(this.#awaited);
    }
    this.#now = until;
  }
}
