/**
 * What will happen, ordered by time and then by the order in which it was put: the same run for the same seed. A heap of four children a
 * node over flat columns; the event last taken stands in `at`, `kind` and `subject`, so that taking one makes no garbage.
 */
export class EventQueue {
  /** Of the event last taken. */
  at = Number.NaN;
  kind = 0;
  subject = 0;
  #times = new Float64Array(1024);
  #order = new Float64Array(1024);
  #kinds = new Uint8Array(1024);
  #subjects = new Int32Array(1024);
  #size = 0;
  #sequence = 0;

  get size(): number {
    return this.#size;
  }

  /** When the next one happens; Infinity when nothing will. */
  get nextAt(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#times[0]!;
  }

  /** @param kind 0–255, and `subject` an index: what they mean is for whoever takes it. */
  push(at: number, kind: number, subject: number): void {
    if (this.#size === this.#times.length) this.#grow();
    let hole = this.#size++;
    const order = this.#sequence++;
    while (hole > 0) {
      const parent = (hole - 1) >> 2;
      // Of two at once the one put earlier goes first, and this one is the latest.
      if (this.#times[parent]! <= at) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#set(hole, at, order, kind, subject);
  }

  /** Takes the next event; false when there is none. */
  take(): boolean {
    if (this.#size === 0) return false;
    this.at = this.#times[0]!;
    this.kind = this.#kinds[0]!;
    this.subject = this.#subjects[0]!;
    const last = --this.#size;
    const at = this.#times[last]!;
    const order = this.#order[last]!;
    let hole = 0;
    for (;;) {
      const first = 4 * hole + 1;
      if (first >= last) break;
      let least = first;
      const end = Math.min(first + 4, last);
      for (let child = first + 1; child < end; child++) if (this.#isBefore(child, least)) least = child;
      const leastAt = this.#times[least]!;
      if (at < leastAt || (at === leastAt && order < this.#order[least]!)) break;
      this.#move(least, hole);
      hole = least;
    }
    this.#set(hole, at, order, this.#kinds[last]!, this.#subjects[last]!);
    return true;
  }

  #isBefore(a: number, b: number): boolean {
    const atA = this.#times[a]!;
    const atB = this.#times[b]!;
    return atA < atB || (atA === atB && this.#order[a]! < this.#order[b]!);
  }

  #set(slot: number, at: number, order: number, kind: number, subject: number): void {
    this.#times[slot] = at;
    this.#order[slot] = order;
    this.#kinds[slot] = kind;
    this.#subjects[slot] = subject;
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#times[from]!, this.#order[from]!, this.#kinds[from]!, this.#subjects[from]!);
  }

  #grow(): void {
    const wider = <T extends Float64Array | Uint8Array | Int32Array>(column: T, empty: T): T => {
      empty.set(column);
      return empty;
    };
    const length = 2 * this.#times.length;
    this.#times = wider(this.#times, new Float64Array(length));
    this.#order = wider(this.#order, new Float64Array(length));
    this.#kinds = wider(this.#kinds, new Uint8Array(length));
    this.#subjects = wider(this.#subjects, new Int32Array(length));
  }
}
