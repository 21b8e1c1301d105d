/** A growing row of numbers, flat in memory: objects' numbers lie scattered, and a simulation touches thousands of them each millisecond. */
export class Column {
  values: Float64Array;
  readonly #empty: number;

  constructor(empty = 0) {
    this.#empty = empty;
    this.values = new Float64Array(64).fill(empty);
  }

  /** Makes room for that index. */
  reach(index: number): void {
    if (index < this.values.length) return;
    const wider = new Float64Array(Math.max(2 * this.values.length, index + 1)).fill(this.#empty);
    wider.set(this.values);
    this.values = wider;
  }
}
