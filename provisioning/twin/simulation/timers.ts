/** One thing to be done at a time of a simulated clock. */
export interface Timer {
  at: number;
  run: () => void | Promise<void>;
  /** Of those at one time the one set earlier goes first. */
  order: number;
  closed: boolean;
}

/** Timers in the order in which they fall due: a binary heap. Closed ones are dropped when they come up. */
export class Timers {
  readonly #heap: Timer[] = [];
  #sequence = 0;

  add(at: number, run: () => void | Promise<void>): Timer {
    const timer: Timer = { at, run, order: this.#sequence++, closed: false };
    let hole = this.#heap.push(timer) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!isBefore(timer, this.#heap[parent]!)) break;
      this.#heap[hole] = this.#heap[parent]!;
      hole = parent;
    }
    this.#heap[hole] = timer;
    return timer;
  }

  /** When the next one falls due; Infinity when there is none. */
  get nextAt(): number {
    while (this.#heap[0]?.closed) this.#remove();
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the next one, if it is due by then. */
  take(until: number): Timer | null {
    return this.nextAt <= until ? this.#remove() : null;
  }

  clear(): void {
    for (const timer of this.#heap.splice(0)) timer.closed = true;
  }

  #remove(): Timer {
    const first = this.#heap[0]!;
    const last = this.#heap.pop()!;
    if (last === first) return first;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && isBefore(this.#heap[child + 1]!, this.#heap[child]!)) child++;
      if (!isBefore(this.#heap[child]!, last)) break;
      this.#heap[hole] = this.#heap[child]!;
      hole = child;
    }
    this.#heap[hole] = last;
    return first;
  }
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
