import type { Clock } from '../../../agents/clock.ts';
import { fastest, slowest } from './speed.ts';
import { type Timer, Timers } from './timers.ts';

/** What a twin's time is doing. */
export interface ClockState {
  /** ms since the epoch, by the twin's clock. */
  time: number;
  startedAt: number;
  paused: boolean;
  /** Wanted; what is reached is less where this computer is too slow for it. */
  speed: number;
  /** Over the last seconds; 0 while it is paused. */
  reached: number;
}

/** Work between two looks at sockets and messages, ms. */
const turnMs = 4;
/** After a while without the processor it makes up for this much, real ms. */
const mostBehindMs = 250;
/** What is reached is told over about this long, real ms. */
const measuredMs = 2000;

/**
 * The twin's time: starts at the real one and runs `speed` times as fast, or stands still. It never passes what has to be done at a time: where this
 * computer cannot follow, time itself goes slower, so that nobody is late by the twin's own clock.
 */
export class SimulatedClock implements Clock {
  readonly startedAt: number;
  readonly #real: () => number;
  readonly #timers = new Timers();
  readonly #listeners = new Set<() => void>();
  #speed: number;
  #paused = false;
  #holds = 0;
  #isClosed = false;
  /** Twin's time at the real time `#realAt`. */
  #simAt: number;
  #realAt: number;
  #last: number;
  #measured: { real: number; sim: number }[] = [];
  #wake: { close(): void } | null = null;
  #isRunning = false;

  /**
   * @param startAt ms since the epoch
   * @param real a clock that never goes back, ms
   * @throws RangeError when the speed is out of reach
   */
  constructor(speed = 1, startAt = Date.now(), real = () => performance.now()) {
    this.#real = real;
    this.#realAt = real();
    this.#speed = checkedSpeed(speed);
    this.startedAt = startAt;
    this.#simAt = startAt;
    this.#last = startAt;
  }

  get speed(): number {
    return this.#speed;
  }

  now(): number {
    if (!this.#isRunning) this.#last = Math.max(this.#last, Math.min(this.#unhindered(), this.#timers.nextAt));
    return this.#last;
  }

  state(): ClockState {
    const time = this.now();
    return { time, startedAt: this.startedAt, paused: this.#paused, speed: this.#speed, reached: this.#reached(time) };
  }

  pause(): void {
    this.#change(() => {
      this.#paused = true;
    });
  }

  resume(): void {
    this.#change(() => {
      this.#paused = false;
    });
  }

  /** @throws RangeError */
  setSpeed(speed: number): void {
    checkedSpeed(speed);
    this.#change(() => {
      this.#speed = speed;
    });
  }

  /** Lets time stand still until closed: for whoever cannot follow. Not told as a pause. */
  hold(): { close(): void } {
    this.#settle(() => {
      this.#holds++;
    });
    let isHeld = true;
    return {
      close: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#settle(() => {
          this.#holds--;
        });
      },
    };
  }

  /** Told of each pause, resumption and change of speed. */
  onChange(listener: () => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => void this.#listeners.delete(listener) };
  }

  every(intervalMs: number, run: () => void | Promise<void>): { close(): void } {
    const step = Math.max(intervalMs, 1);
    let busy = false;
    let timer = this.#timers.add(this.now() + step, () => {});
    const again = (): void => {
      // From when it was due: the beat does not drift.
      timer = this.#timers.add(timer.at + step, again);
      if (busy) return;
      const done = run();
      // Most have nothing to wait for: a twin of a thousand nodes makes no promises for them.
      if (done === undefined) return;
      busy = true;
      void done.finally(() => {
        busy = false;
      });
    };
    timer.run = again;
    this.#schedule();
    return closing(() => timer);
  }

  after(delayMs: number, run: () => void | Promise<void>): { close(): void } {
    const timer = this.#timers.add(this.now() + Math.max(0, delayMs), () => void run());
    this.#schedule();
    return closing(() => timer);
  }

  /** Ends everything that still runs by this clock. */
  close(): void {
    this.#isClosed = true;
    this.#timers.clear();
    this.#wake?.close();
    this.#wake = null;
    this.#listeners.clear();
  }

  get #stands(): boolean {
    return this.#paused || this.#holds > 0;
  }

  #unhindered(): number {
    return this.#stands ? this.#simAt : this.#simAt + (this.#real() - this.#realAt) * this.#speed;
  }

  #change(apply: () => void): void {
    this.#settle(apply);
    this.#measured = [];
    for (const listener of [...this.#listeners]) listener();
  }

  /** Goes on from what has been reached by now. */
  #settle(apply: () => void): void {
    this.#simAt = this.now();
    this.#realAt = this.#real();
    apply();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isRunning || this.#isClosed) return;
    this.#wake?.close();
    this.#wake = null;
    const { nextAt } = this.#timers;
    if (this.#stands || nextAt === Number.POSITIVE_INFINITY) return;
    const delayMs = (nextAt - this.#unhindered()) / this.#speed;
    if (delayMs > 0.5) {
      const timeout = setTimeout(() => void this.#run(), delayMs);
      this.#wake = { close: () => clearTimeout(timeout) };
    } else {
      const immediate = setImmediate(() => void this.#run());
      this.#wake = { close: () => clearImmediate(immediate) };
    }
  }

  /** Does what is due, each after what the one before has set off at once. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    const from = this.#real();
    const until = this.#unhindered();
    try {
      while (!this.#stands && this.#real() - from < turnMs) {
        const timer = this.#timers.take(until);
        if (!timer) break;
        this.#last = Math.max(this.#last, timer.at);
        // One that throws ends the process, as in a timer of Node's.
        timer.run();
        await null;
      }
    } finally {
      this.#isRunning = false;
    }
    this.#measure();
    this.#forgive();
    this.#schedule();
  }

  /** What could not be done in time is made up for, but no more of it than this: time went slower. */
  #forgive(): void {
    const { nextAt } = this.#timers;
    const most = mostBehindMs * this.#speed;
    if (this.#stands || this.#unhindered() - nextAt <= most) return;
    this.#simAt = nextAt + most;
    this.#realAt = this.#real();
  }

  #measure(): void {
    const real = this.#real();
    const first = this.#measured.at(-1);
    if (first && real - first.real < measuredMs / 10) return;
    this.#measured.push({ real, sim: this.now() });
    while (this.#measured.length > 2 && real - this.#measured[1]!.real > measuredMs) this.#measured.shift();
  }

  #reached(time: number): number {
    const first = this.#measured[0];
    const elapsed = first === undefined ? 0 : this.#real() - first.real;
    if (this.#paused) return 0;
    return first === undefined || elapsed < measuredMs / 10 ? this.#speed : (time - first.sim) / elapsed;
  }
}

const closing = (timer: () => Timer) => ({
  close: () => {
    timer().closed = true;
  },
});

/** @throws RangeError */
function checkedSpeed(speed: number): number {
  if (!(speed >= slowest && speed <= fastest))
    throw new RangeError(`a speed is ${slowest} to ${fastest} × real time, not ${speed}`);
  return speed;
}
