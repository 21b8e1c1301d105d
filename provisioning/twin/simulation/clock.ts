import type { Clock } from '../../../agents/clock.ts';

/** The twin's time: starts at the real one and runs `speed` times as fast. */
export class SimulatedClock implements Clock {
  readonly speed: number;
  readonly #startedAt: number;
  readonly #origin: number;
  readonly #open = new Set<() => void>();

  /** `speed` 1 is real time; `startAt` is ms since the epoch. @throws RangeError when the speed is not positive. */
  constructor(speed = 1, startAt = Date.now()) {
    if (!(speed > 0)) throw new RangeError(`a speed is more than 0, not ${speed}`);
    this.speed = speed;
    this.#startedAt = startAt;
    this.#origin = performance.now();
  }

  now(): number {
    return this.#startedAt + (performance.now() - this.#origin) * this.speed;
  }

  every(intervalMs: number, run: () => void | Promise<void>): { close(): void } {
    let busy = false;
    const timer = setInterval(
      () => {
        if (busy) return;
        busy = true;
        void (async () => {
          try {
            await run();
          } finally {
            busy = false;
          }
        })();
      },
      Math.max(1, intervalMs / this.speed),
    );
    return this.#opened(() => clearInterval(timer));
  }

  after(delayMs: number, run: () => void | Promise<void>): { close(): void } {
    const opened = this.#opened(() => clearTimeout(timer));
    const timer = setTimeout(() => {
      opened.close();
      void run();
    }, delayMs / this.speed);
    return opened;
  }

  /** Ends everything that still runs by this clock. */
  close(): void {
    for (const close of [...this.#open]) close();
    this.#open.clear();
  }

  #opened(close: () => void): { close(): void } {
    this.#open.add(close);
    return {
      close: () => {
        this.#open.delete(close);
        close();
      },
    };
  }
}
