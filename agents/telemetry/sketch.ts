/** A quantile is told within one per cent of itself. */
const relativeError = 0.01;
const gamma = (1 + relativeError) / (1 - relativeError);
const logGamma = Math.log(gamma);
/** Below this a value counts as zero: an index of its own for each power of ten down to 1e-308 says nothing. */
const smallest = 1e-9;
/** Bins of one sign; they span 17 powers of ten at this error. With more, the smallest values are thrown together. */
const mostBins = 2048;
/** A node's readings of some seconds. */
const mostUnsorted = 32;

/** How many values each holds, by index. */
type Bins = Map<number, number>;
const none: ReadonlyMap<number, number> = new Map();

/**
 * Quantiles of a stream in little room: DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
 * guarantees", VLDB 2019). Values fall into bins whose bounds grow by the factor γ = (1 + α) / (1 − α); a bin's middle is within α = 1 % of
 * all that fell into it. Two sketches merge by adding bins, with no loss.
 */
export class QuantileSketch {
  /** Values not yet in bins: of what stays the same, or is told at once, no bin is ever made. */
  #unsorted: number[] = [];
  #positive: Bins | undefined;
  #negative: Bins | undefined;
  #zeros = 0;
  #count = 0;
  #sum = 0;
  #lowest = Number.POSITIVE_INFINITY;
  #highest = Number.NEGATIVE_INFINITY;

  /** The bound on a quantile's error, as a share of its value. */
  static readonly relativeError = relativeError;

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  get lowest(): number {
    return this.#lowest;
  }

  get highest(): number {
    return this.#highest;
  }

  /** @param value finite */
  add(value: number, times = 1): void {
    this.#count += times;
    this.#sum += value * times;
    this.#lowest = Math.min(this.#lowest, value);
    this.#highest = Math.max(this.#highest, value);
    if (times === 1 && this.#unsorted.length < mostUnsorted) this.#unsorted.push(value);
    else this.#bin(value, times);
  }

  #sort(): void {
    for (const value of this.#unsorted) this.#bin(value, 1);
    this.#unsorted.length = 0;
  }

  #bin(value: number, times: number): void {
    if (value > smallest) this.#positive = addTo(this.#positive, indexOf(value), times);
    else if (value < -smallest) this.#negative = addTo(this.#negative, indexOf(-value), times);
    else this.#zeros += times;
  }

  merge(other: QuantileSketch): void {
    other.#sort();
    for (const [index, count] of other.#positive ?? none) this.#positive = addTo(this.#positive, index, count);
    for (const [index, count] of other.#negative ?? none) this.#negative = addTo(this.#negative, index, count);
    this.#zeros += other.#zeros;
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#lowest = Math.min(this.#lowest, other.#lowest);
    this.#highest = Math.max(this.#highest, other.#highest);
  }

  /** The value at rank ⌊q · (count − 1)⌋, within `relativeError` of it; exact at both ends. undefined without values. */
  quantile(q: number): number | undefined {
    if (this.#count === 0) return undefined;
    this.#sort();
    const rank = Math.floor(q * (this.#count - 1));
    if (rank <= 0) return this.#lowest;
    if (rank >= this.#count - 1) return this.#highest;
    let before = 0;
    // From the most negative up: of the negative ones the largest index is the smallest value.
    for (const index of [...(this.#negative ?? none).keys()].sort((a, b) => b - a)) {
      before += this.#negative!.get(index)!;
      if (before > rank) return this.#within(-middleOf(index));
    }
    before += this.#zeros;
    if (before > rank) return this.#within(0);
    for (const index of [...(this.#positive ?? none).keys()].sort((a, b) => a - b)) {
      before += this.#positive!.get(index)!;
      if (before > rank) return this.#within(middleOf(index));
    }
    return this.#highest;
  }

  /** Few short numbers for the wire: a sum to a hundred-thousandth; the ends to a thousandth of themselves, ten times finer than the bins. */
  encode(): EncodedSketch {
    // All values the same: the bin follows from the value.
    if (this.#lowest === this.#highest) return [this.#count, rounded(this.#lowest, 7)];
    this.#sort();
    const numbers = [this.#count, rounded(this.#sum, 6), rounded(this.#lowest, 4), rounded(this.#highest, 4)] as const;
    if (!this.#negative && this.#zeros === 0) return [...numbers, encodeBins(this.#positive ?? none)];
    return [...numbers, encodeBins(this.#positive ?? none), encodeBins(this.#negative ?? none), this.#zeros];
  }

  /** @throws RangeError when the numbers contradict each other: what was said to be counted and what the bins hold */
  static decode(encoded: EncodedSketch): QuantileSketch {
    const sketch = new QuantileSketch();
    if (encoded.length === 2) {
      sketch.add(encoded[1], encoded[0]);
      return sketch;
    }
    checkEncoded(encoded);
    const [count, sum, lowest, highest, positive, negative, zeros] = encoded;
    eachBin(positive, (index, times) => {
      sketch.#positive = addTo(sketch.#positive, index, times);
    });
    eachBin(negative ?? [], (index, times) => {
      sketch.#negative = addTo(sketch.#negative, index, times);
    });
    sketch.#zeros = zeros ?? 0;
    sketch.#count = count;
    sketch.#sum = sum;
    sketch.#lowest = lowest;
    sketch.#highest = highest;
    return sketch;
  }

  #within(value: number): number {
    return Math.min(Math.max(value, this.#lowest), this.#highest);
  }
}

/** [count, value of all] or [count, sum, lowest, highest, positive bins, negative bins, zeros], the last two where there are such values. */
export type EncodedSketch =
  | [count: number, value: number]
  | [count: number, sum: number, lowest: number, highest: number, positive: number[]]
  | [count: number, sum: number, lowest: number, highest: number, positive: number[], negative: number[], zeros: number];

const indexOf = (value: number): number => Math.ceil(Math.log(value) / logGamma);
const middleOf = (index: number): number => (2 * gamma ** index) / (gamma + 1);

/** As in `encode`, which tells of far more whole numbers than others: they are short as they are. */
const rounded = (value: number, digits: number): number =>
  Number.isInteger(value) && Math.abs(value) < 1000 ? value : Number(value.toPrecision(digits));

/** @throws RangeError as `QuantileSketch.decode` does, without making one */
export function checkEncoded(encoded: EncodedSketch): void {
  if (encoded.length === 2) return;
  let held = encoded[6] ?? 0;
  for (const bins of [encoded[4], encoded[5] ?? []])
    eachBin(bins, (_, times) => {
      held += times;
    });
  if (held !== encoded[0]) throw new RangeError(`a sketch of ${encoded[0]} values holds ${held}`);
}

/** Gives the bins: they are made for their first value. */
function addTo(bins: Bins = new Map(), index: number, times: number): Bins {
  bins.set(index, (bins.get(index) ?? 0) + times);
  if (bins.size <= mostBins) return bins;
  // Several at once: one at a time would look for the lowest at every value.
  const lowest = [...bins.keys()].sort((a, b) => a - b).slice(0, mostBins / 8);
  const kept = lowest.pop()!;
  for (const one of lowest) {
    bins.set(kept, bins.get(kept)! + bins.get(one)!);
    bins.delete(one);
  }
  return bins;
}

/** [first index, …]: after it a positive number is the step to the next bin, a negative one how many values the bin before it holds, where not one. */
function encodeBins(bins: ReadonlyMap<number, number>): number[] {
  const encoded: number[] = [];
  let last = 0;
  for (const [index, count] of [...bins].sort(([a], [b]) => a - b)) {
    encoded.push(index - last);
    if (count !== 1) encoded.push(-count);
    last = index;
  }
  return encoded;
}

function eachBin(encoded: readonly number[], take: (index: number, times: number) => void): void {
  let index = 0;
  for (let at = 0; at < encoded.length; at++) {
    index += encoded[at]!;
    const next = encoded[at + 1];
    const isCount = next !== undefined && next < 0;
    take(index, isCount ? -next : 1);
    if (isCount) at++;
  }
}
