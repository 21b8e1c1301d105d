/** A point of a series. */
export interface Point {
  /** ms since the epoch. */
  time: number;
  value: number;
}

const firstCapacity = 16;
/** Growing by half keeps the unused part of a ring below a third; by doubling it would be half. */
const growth = 1.5;

/**
 * The recent points of one series, ascending in time: a ring of plain numbers, 12 bytes a point. Times are kept as ms since the first point,
 * which 32 bits hold for 49 days; after that the ring begins anew with a later start.
 */
export class Series {
  #times = new Uint32Array(firstCapacity);
  #values = new Float64Array(firstCapacity);
  #start = 0;
  #head = 0;
  #length = 0;
  /** Of the oldest and the latest point, and its value: looked at with each new one, and the rings are far away. */
  #oldestAt = 0;
  #lastAt = 0;
  #lastValue = 0;
  /**
   * Where a counter went back, once somebody asked for its growth, and what it had counted until then; kept up to date from then on. Not before: a gauge goes
   * back all the time, and nobody asks for its growth.
   */
  #resets: { offset: number; lost: number }[] | undefined;
  /** All values ascending, once somebody asked for a quantile; kept up to date from then on. */
  #sorted: Float64Array | undefined;

  get length(): number {
    return this.#length;
  }

  get capacity(): number {
    return this.#values.length;
  }

  /** Time of the latest point; of no meaning without one. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** The point `index` places from the oldest. */
  at(index: number): Point {
    return { time: this.timeAt(index), value: this.valueAt(index) };
  }

  timeAt(index: number): number {
    return this.#start + this.#times[this.#slot(index)]!;
  }

  valueAt(index: number): number {
    return this.#values[this.#slot(index)]!;
  }

  get last(): Point | undefined {
    return this.#length === 0 ? undefined : this.at(this.#length - 1);
  }

  /**
   * Adds a point, which must be later than the last one, and forgets those before `oldest`.
   * @param mayGrow whether the ring may take more room; where it may not, the oldest point makes way
   */
  push(time: number, value: number, oldest: number, mayGrow: boolean): void {
    while (this.#length > 0 && this.#oldestAt < oldest) this.#dropOldest();
    if (this.#length === 0) {
      this.#start = time;
      this.#head = 0;
      this.#oldestAt = time;
    }
    if (time - this.#start > 0xffff_ffff) this.#rebase();
    if (this.#length === this.capacity) {
      if (mayGrow) this.#grow();
      else this.#dropOldest();
    }
    const before = this.#length === 0 ? undefined : this.#lastValue;
    const offset = time - this.#start;
    if (before !== undefined && value < before) this.#resets?.push({ offset, lost: before });
    const slot = this.#slot(this.#length);
    this.#times[slot] = offset;
    this.#values[slot] = value;
    this.#lastAt = time;
    this.#lastValue = value;
    this.#length++;
    if (this.#sorted) this.#sorted = insert(this.#sorted, this.#length - 1, value, this.capacity);
  }

  /** Index of the first point at or after `since`; `length` when there is none. By bisection. */
  firstSince(since: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.timeAt(middle) < since) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Values from index `from` on, oldest first. */
  values(from = 0): Float64Array {
    const values = new Float64Array(this.#length - from);
    for (let index = from; index < this.#length; index++) values[index - from] = this.valueAt(index);
    return values;
  }

  /** All values in ascending order; a view that the next `push` changes. Sorted at the first call, and kept so by every `push` after it. */
  sortedValues(): Float64Array {
    if (!this.#sorted) {
      this.#sorted = new Float64Array(this.capacity);
      this.#sorted.set(this.values().sort());
    }
    return this.#sorted.subarray(0, this.#length);
  }

  /** Growth of a counter from index `from` to the last point; what it counted before a reset is not lost. */
  grownSince(from: number): number {
    this.#resets ??= this.#findResets();
    const since = this.#times[this.#slot(from)]!;
    let grown = this.valueAt(this.#length - 1) - this.valueAt(from);
    for (let index = this.#resets.length - 1; index >= 0 && this.#resets[index]!.offset > since; index--)
      grown += this.#resets[index]!.lost;
    return grown;
  }

  #findResets(): { offset: number; lost: number }[] {
    const resets: { offset: number; lost: number }[] = [];
    for (let index = 1; index < this.#length; index++) {
      const before = this.valueAt(index - 1);
      if (this.valueAt(index) < before) resets.push({ offset: this.#times[this.#slot(index)]!, lost: before });
    }
    return resets;
  }

  #slot(index: number): number {
    const slot = this.#head + index;
    return slot < this.#values.length ? slot : slot - this.#values.length;
  }

  #dropOldest(): void {
    if (this.#sorted) remove(this.#sorted, this.#length, this.valueAt(0));
    this.#head = this.#slot(1);
    this.#length--;
    if (this.#length > 0) this.#oldestAt = this.timeAt(0);
    if (!this.#resets) return;
    const oldest = this.#length === 0 ? Number.POSITIVE_INFINITY : this.#times[this.#head]!;
    let gone = 0;
    while (gone < this.#resets.length && this.#resets[gone]!.offset <= oldest) gone++;
    if (gone > 0) this.#resets.splice(0, gone);
  }

  #grow(): void {
    const capacity = Math.ceil(this.capacity * growth);
    const times = new Uint32Array(capacity);
    const values = new Float64Array(capacity);
    for (let index = 0; index < this.#length; index++) {
      times[index] = this.#times[this.#slot(index)]!;
      values[index] = this.valueAt(index);
    }
    this.#times = times;
    this.#values = values;
    this.#head = 0;
  }

  #rebase(): void {
    const shift = this.#times[this.#head]!;
    for (let index = 0; index < this.#length; index++) this.#times[this.#slot(index)]! -= shift;
    for (const reset of this.#resets ?? []) reset.offset -= shift;
    this.#start += shift;
  }
}

/** First index in ascending `sorted[0 … length)` whose value is not below `value`. */
function lowerBound(sorted: Float64Array, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(sorted: Float64Array, length: number, value: number, capacity: number): Float64Array {
  let room = sorted;
  if (length === sorted.length) {
    room = new Float64Array(capacity);
    room.set(sorted);
  }
  const at = lowerBound(room, length, value);
  room.copyWithin(at + 1, at, length);
  room[at] = value;
  return room;
}

function remove(sorted: Float64Array, length: number, value: number): void {
  const at = lowerBound(sorted, length, value);
  sorted.copyWithin(at, at + 1, length);
}
