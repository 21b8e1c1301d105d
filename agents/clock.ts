/** Time as an agent sees it: real on a testbed, simulated (and faster) in the twin, by hand in a test. */
export interface Clock {
  /** ms since the epoch. */
  now(): number;
  /** Calls `run` every `intervalMs` of this clock; a call never starts while the previous one is still going. */
  every(intervalMs: number, run: () => void | Promise<void>): { close(): void };
  /** Calls `run` once after `delayMs` of this clock. */
  after(delayMs: number, run: () => void | Promise<void>): { close(): void };
}
