import type { Relation } from '../../descriptions/common.ts';
import type { Aggregates } from '../../telemetry/aggregates.ts';
import { QuantileSketch } from '../../telemetry/sketch.ts';
import type { SeriesQuery } from '../../telemetry/window.ts';
import type { Figures } from '../endpoints/figures.ts';

type Key = Pick<Figures, 'metric' | 'component' | 'node' | 'peer'>;
/** By which of their places series are told apart; those that are alike otherwise are taken together. */
export type By = readonly ('component' | 'node' | 'peer')[];

/** Figures of all series that a query has, since a time (ms since the epoch). */
export function figuresOf(aggregates: Aggregates, queries: readonly Partial<SeriesQuery>[], by: By, since: number): Figures[] {
  const groups = new Map<string, { key: Key; series: (SeriesQuery & { isCounter: boolean })[] }>();
  for (const one of queries.flatMap((query) => aggregates.series(query))) {
    const key: Key = {
      metric: one.metric,
      ...Object.fromEntries(by.flatMap((place) => (one[place] === '' ? [] : [[place, one[place]]]))),
    };
    const id = JSON.stringify(key);
    const group = groups.get(id) ?? { key, series: [] };
    group.series.push(one);
    groups.set(id, group);
  }
  return [...groups.values()]
    .flatMap(({ key, series }) => {
      const gauges = series.filter(({ isCounter }) => !isCounter);
      const rates = series.filter(({ isCounter }) => isCounter).flatMap((one) => aggregates.rate(one, since) ?? []);
      const figures = { ...spreadOf(merged(aggregates, gauges, since)), ...(rates.length > 0 && { perSecond: sum(rates) }) };
      return Object.keys(figures).length === 0 ? [] : [{ ...key, ...figures }];
    })
    .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

export function merged(aggregates: Aggregates, series: readonly SeriesQuery[], since: number): QuantileSketch {
  const all = new QuantileSketch();
  for (const one of series) all.merge(aggregates.sketch(one, since));
  return all;
}

function spreadOf(sketch: QuantileSketch): Partial<Figures> {
  const { count, sum, lowest, highest } = sketch;
  if (count === 0) return {};
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => sketch.quantile(q));
  return { count, mean: sum / count, p50, p95, p99, lowest, highest };
}

/** Share of the values that keep to a target, by the sketch's ranks; null without values, and for "equal", which no continuous value keeps to. */
export function shareKept(sketch: QuantileSketch, relation: Relation, target: number): number | null {
  if (sketch.count === 0 || relation === 'equal') return null;
  // The largest rank whose value is still at or below the target: quantiles only grow.
  let [low, high] = [0, sketch.count];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    // Half a rank on, so that rounding does not fall below it.
    const value = sketch.quantile(Math.min(1, (middle + 0.5) / Math.max(1, sketch.count - 1)))!;
    const isBelow = relation === 'lower_than' || relation === 'greater_or_equal' ? value < target : value <= target;
    if (isBelow) low = middle + 1;
    else high = middle;
  }
  const below = low / sketch.count;
  return relation === 'lower_or_equal' || relation === 'lower_than' ? below : 1 - below;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
