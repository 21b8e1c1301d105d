import type { Histogram, Reading } from './digest.ts';
import type { Exposition } from './openmetrics.ts';

/**
 * What an exposition says, label sets of one metric put together: counters and histograms are summed, of gauges the mean is taken (a sum of
 * temperatures or ratios would mean nothing). Quantiles of summaries cannot be put together: they are taken where there is one label set.
 */
export function readingsOf({ samples, types }: Exposition): Reading[] {
  const gauges = new Map<string, number[]>();
  const counters = new Map<string, number>();
  const histograms = new Map<string, { count: number; sum: number; buckets: Map<number, number> }>();
  const summaries = new Map<string, { count?: number; sum?: number; quantiles: [number, number][]; sets: Set<string> }>();
  for (const { metric, labels, value } of samples) {
    if (!Number.isFinite(value)) continue;
    const [, family = metric, suffix = ''] = /^(.*)_(total|bucket|count|sum|created)$/.exec(metric) ?? [];
    const type = types.get(metric) ?? types.get(family) ?? 'unknown';
    // When a series was begun is no value of it.
    if (suffix === 'created' && type !== 'unknown' && type !== 'gauge') continue;
    if (type === 'histogram' && suffix !== '') {
      const histogram = histograms.get(family) ?? { count: 0, sum: 0, buckets: new Map<number, number>() };
      histograms.set(family, histogram);
      if (suffix === 'count') histogram.count += value;
      if (suffix === 'sum') histogram.sum += value;
      const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
      if (suffix === 'bucket' && !Number.isNaN(bound)) histogram.buckets.set(bound, (histogram.buckets.get(bound) ?? 0) + value);
    } else if (type === 'summary' && (suffix !== '' || 'quantile' in labels)) {
      const summary = summaries.get(family) ?? { quantiles: [], sets: new Set() };
      summaries.set(family, summary);
      if (suffix === 'count') summary.count = (summary.count ?? 0) + value;
      if (suffix === 'sum') summary.sum = (summary.sum ?? 0) + value;
      const { quantile, ...rest } = labels;
      if (suffix !== '' || !(Number(quantile) >= 0 && Number(quantile) <= 1)) continue;
      summary.sets.add(JSON.stringify(rest));
      summary.quantiles.push([Number(quantile), value]);
    } else if (type === 'counter' || (type === 'unknown' && suffix === 'total')) {
      counters.set(metric, (counters.get(metric) ?? 0) + value);
    } else if (!('le' in labels) && !('quantile' in labels)) {
      const values = gauges.get(metric);
      if (values) values.push(value);
      else gauges.set(metric, [value]);
    }
  }
  return [
    ...[...gauges].map(([metric, values]): Reading => {
      const mean = values.length === 1 ? values[0]! : values.reduce((sum, value) => sum + value, 0) / values.length;
      return { kind: 'gauge', metric, value: mean };
    }),
    ...[...counters].map(([metric, value]): Reading => ({ kind: 'counter', metric, value })),
    ...[...histograms].map(([metric, { count, sum, buckets }]): Reading => {
      const ascending: Histogram['buckets'] = [...buckets].sort(([a], [b]) => a - b);
      return { kind: 'histogram', metric, count, sum, buckets: ascending };
    }),
    ...[...summaries].map(
      ([metric, { sets, ...summary }]): Reading => ({
        kind: 'summary',
        metric,
        ...summary,
        quantiles: sets.size === 1 ? summary.quantiles : [],
      }),
    ),
  ];
}
