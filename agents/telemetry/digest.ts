import { Rate } from '../host/rate.ts';

/** A cumulative histogram: how many observations were at most each bound, ascending; the last bound is +∞. */
export interface Histogram {
  count: number;
  sum: number;
  buckets: [upperBound: number, cumulativeCount: number][];
}

/** What an application tells of itself, however it tells it; label sets of one metric are together already. */
export type Reading =
  | { kind: 'gauge'; metric: string; value: number }
  | { kind: 'counter'; metric: string; value: number }
  | ({ kind: 'histogram'; metric: string } & Histogram)
  | { kind: 'summary'; metric: string; count?: number; sum?: number; quantiles: [q: number, value: number][] };

const toldQuantiles = [0.5, 0.95, 0.99] as const;
const suffixOf = (q: number): string => `_p${Math.round(q * 1000) / 10}`.replace('.', '_');

/**
 * Readings as plain values that policies can use: of a counter x_total itself and its growth x_per_second; of a histogram or summary x its mean x_mean,
 * its quantiles x_p50, x_p95, x_p99 and x_per_second, all of what was observed since the last time. One digest a component: it remembers.
 */
export class Digest {
  readonly #rates = new Map<string, Rate>();
  readonly #histograms = new Map<string, Histogram>();

  /** @param atMs on a clock that never goes back */
  next(readings: readonly Reading[], atMs: number): { metric: string; value: number }[] {
    const told: { metric: string; value: number | undefined }[] = [];
    for (const reading of readings) {
      const { metric } = reading;
      if (reading.kind === 'gauge') told.push({ metric, value: reading.value });
      else if (reading.kind === 'counter') {
        told.push({ metric, value: reading.value });
        told.push({ metric: perSecond(metric), value: this.#rate(metric, reading.value, atMs) });
      } else if (reading.kind === 'histogram') told.push(...this.#histogram(metric, reading, atMs));
      else {
        for (const [q, value] of reading.quantiles) told.push({ metric: metric + suffixOf(q), value });
        if (reading.count !== undefined && reading.sum !== undefined)
          told.push(...this.#histogram(metric, { count: reading.count, sum: reading.sum, buckets: [] }, atMs));
      }
    }
    this.#forget(readings);
    return told.flatMap(({ metric, value }) => (value === undefined || !Number.isFinite(value) ? [] : [{ metric, value }]));
  }

  /** A component that tells new names again and again must not fill the memory with old ones. */
  #forget(readings: readonly Reading[]): void {
    if (this.#rates.size + this.#histograms.size <= 4 * readings.length + 64) return;
    const told = new Set(readings.flatMap(({ metric }) => [metric, `${metric}_count`]));
    for (const names of [this.#rates, this.#histograms]) for (const name of names.keys()) if (!told.has(name)) names.delete(name);
  }

  /** Names that are remembered. */
  get size(): number {
    return this.#rates.size + this.#histograms.size;
  }

  #rate(metric: string, value: number, atMs: number): number | undefined {
    const rate = this.#rates.get(metric) ?? new Rate();
    this.#rates.set(metric, rate);
    return rate.next(value, atMs);
  }

  #histogram(metric: string, now: Histogram, atMs: number): { metric: string; value: number | undefined }[] {
    const before = this.#histograms.get(metric);
    this.#histograms.set(metric, now);
    const told = [{ metric: perSecond(metric), value: this.#rate(`${metric}_count`, now.count, atMs) }];
    if (!before) return told;
    // Begun anew: all that it holds was observed since.
    const since = now.count < before.count ? { count: 0, sum: 0, buckets: [] } : before;
    const count = now.count - since.count;
    if (count <= 0) return told;
    // By bound: an exponential histogram has more or coarser buckets from one time to the next, whose bounds are among the finer ones.
    const grown = now.buckets.map(([bound, cumulative]): [number, number] => [bound, cumulative - countBelow(since, bound)]);
    told.push({ metric: `${metric}_mean`, value: (now.sum - since.sum) / count });
    if (grown.length > 0)
      for (const q of toldQuantiles) told.push({ metric: metric + suffixOf(q), value: histogramQuantile(grown, q) });
    return told;
  }
}

/** How many observations were at most `bound`, as far as the buckets tell. */
export const countBelow = ({ buckets }: Histogram, bound: number): number =>
  buckets.findLast(([upper]) => upper <= bound)?.[1] ?? 0;

const perSecond = (metric: string): string => `${metric.replace(/_total$/, '')}_per_second`;

/**
 * Quantile of a histogram by linear interpolation within its bucket, as Prometheus' histogram_quantile does: the first bucket begins at 0 when its
 * bound is above; of the last, which has no end, the lower bound is told.
 * @param buckets upper bounds ascending with cumulative counts
 */
export function histogramQuantile(buckets: readonly (readonly [number, number])[], q: number): number | undefined {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total <= 0) return undefined;
  const rank = q * total;
  const at = buckets.findIndex(([, cumulative]) => cumulative >= rank);
  const [upper, cumulative] = buckets[at]!;
  const before = buckets[at - 1];
  if (upper === Number.POSITIVE_INFINITY) return before?.[0];
  const lower = before?.[0] ?? Math.min(0, upper);
  const below = before?.[1] ?? 0;
  return cumulative === below ? upper : lower + ((upper - lower) * (rank - below)) / (cumulative - below);
}
