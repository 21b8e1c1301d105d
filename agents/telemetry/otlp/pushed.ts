import type { Sample } from '../../bus/messages.ts';
import type { TrackedComponent } from '../../host/signals.ts';
import { countBelow, Digest, type Histogram, type Reading } from '../digest.ts';
import { attributesOf, delta, type ExportRequest, type OtlpMetric } from './messages.ts';

/** Series kept of one component: attributes without bound must not become memory without bound. */
const mostSeries = 500;
const mostSamples = 200;
/** A series that was not pushed for so long is of something that has ended: exporters push every minute or so. */
const forgetMs = 10 * 60_000;
/** Buckets of an exponential histogram that are believed. */
const mostBuckets = 640;

interface Point {
  metric: string;
  reading: { kind: 'gauge'; value: number } | { kind: 'counter'; value: number } | ({ kind: 'histogram' } & Histogram);
  isDelta: boolean;
}
interface Component {
  digest: Digest;
  /** By metric and attributes, cumulative, with when each was pushed last. */
  series: Map<string, Point & { at: number }>;
  /** Summaries cannot be put together: the last one as it came. */
  summaries: Map<string, Extract<Reading, { kind: 'summary' }>>;
  fresh: boolean;
}

/** What components have pushed, by whom: only those that run here are believed, by the resource attributes mlsysops.app and mlsysops.component. */
export class PushedMetrics {
  readonly #components = new Map<string, Component>();
  /** By component, addresses of its pods. */
  #tracked = new Map<string, Set<string>>();

  track(components: readonly TrackedComponent[]): void {
    this.#tracked = new Map();
    for (const { application, component, podIp } of components) {
      const key = keyOf(application, component);
      const addresses = this.#tracked.get(key) ?? new Set();
      this.#tracked.set(key, podIp === undefined ? addresses : addresses.add(podIp));
    }
    for (const key of this.#components.keys()) if (!this.#tracked.has(key)) this.#components.delete(key);
  }

  /**
   * @param atMs on the clock of `samples`
   * @param from address that it came from; undefined when it came over loopback, where whoever runs on the host itself may speak
   * @returns how many points were not taken, and why the first of them was not
   */
  take(request: ExportRequest, atMs: number, from?: string): { rejected: number; reason: string | undefined } {
    let rejected = 0;
    let reason: string | undefined;
    const refuse = (count: number, why: string): void => {
      rejected += count;
      if (count > 0) reason ??= why;
    };
    for (const { resource, scopeMetrics } of request.resourceMetrics) {
      const named = attributesOf(resource.attributes);
      const [application, component] = [named['mlsysops.app'], named['mlsysops.component']];
      const metrics = scopeMetrics.flatMap(({ metrics: own }) => own);
      const count = metrics.reduce((sum, metric) => sum + pointCount(metric), 0);
      if (application === undefined || component === undefined)
        refuse(count, 'the resource has no attributes mlsysops.app and mlsysops.component');
      else if (!this.#tracked.has(keyOf(application, component)))
        refuse(count, `no component "${component}" of "${application}" runs on this node`);
      else if (from !== undefined && !this.#tracked.get(keyOf(application, component))?.has(from))
        refuse(count, `${from} is no address of component "${component}" of "${application}"`);
      else {
        const left = this.#store(keyOf(application, component), metrics, atMs);
        refuse(left, `more than ${mostSeries} series`);
      }
    }
    return { rejected, reason };
  }

  /** Of those that have pushed since the last call: what was not told anew is not told again. */
  samples(atMs: number): Sample[] {
    return [...this.#components].flatMap(([key, component]) => {
      if (!component.fresh) return [];
      component.fresh = false;
      const [application = '', name = ''] = JSON.parse(key);
      return component.digest
        .next(readingsOf(component), atMs)
        .slice(0, mostSamples)
        .map((sample) => ({ ...sample, application, component: name }));
    });
  }

  #store(key: string, metrics: OtlpMetric[], atMs: number): number {
    const component = this.#components.get(key) ?? {
      digest: new Digest(),
      series: new Map<string, Point & { at: number }>(),
      summaries: new Map(),
      fresh: false,
    };
    this.#components.set(key, component);
    component.fresh = true;
    for (const [series, { at }] of component.series) if (atMs - at > forgetMs) component.series.delete(series);
    let left = 0;
    for (const metric of metrics) {
      const name = nameOf(metric.name);
      for (const { count, sum, quantileValues } of metric.summary?.dataPoints ?? []) {
        const quantiles = quantileValues.map(({ quantile, value }): [number, number] => [quantile, value]);
        if (component.summaries.size < mostSeries)
          component.summaries.set(name, { kind: 'summary', metric: name, count, sum, quantiles });
        else left++;
      }
      for (const { attributes, point } of pointsOf(name, metric)) {
        const series = `${point.metric} ${attributes}`;
        const before = component.series.get(series);
        if (!before && component.series.size >= mostSeries) left++;
        else component.series.set(series, { ...(point.isDelta && before ? added(before, point) : point), at: atMs });
      }
    }
    return left;
  }
}

const keyOf = (application: string, component: string): string => JSON.stringify([application, component]);

/** OTLP's names have dots; ours, as OpenMetrics', do not. */
const nameOf = (name: string): string => name.replace(/[^a-zA-Z0-9_:]/g, '_').replace(/^(?=\d)/, '_');

const pointCount = ({ gauge, sum, histogram, exponentialHistogram, summary }: OtlpMetric): number =>
  [gauge, sum, histogram, exponentialHistogram, summary].reduce((total, kind) => total + (kind?.dataPoints.length ?? 0), 0);

function pointsOf(
  name: string,
  { gauge, sum, histogram, exponentialHistogram }: OtlpMetric,
): { attributes: string; point: Point }[] {
  const isCounter = sum?.isMonotonic ?? false;
  const told: { attributes: string; point: Point }[] = [];
  for (const { attributes, asDouble, asInt } of gauge?.dataPoints ?? sum?.dataPoints ?? []) {
    const value = asDouble ?? asInt;
    if (value === undefined || !Number.isFinite(value)) continue;
    const metric = isCounter && !name.endsWith('_total') ? `${name}_total` : name;
    const reading = { kind: isCounter ? ('counter' as const) : ('gauge' as const), value };
    told.push({ attributes: textOf(attributes), point: { metric, reading, isDelta: sum?.aggregationTemporality === delta } });
  }
  for (const { attributes, count, sum: total = 0, bucketCounts, explicitBounds } of histogram?.dataPoints ?? []) {
    const bounds = [...explicitBounds, Number.POSITIVE_INFINITY];
    if (bucketCounts.length > 0 && bucketCounts.length !== bounds.length) continue;
    const reading = { kind: 'histogram' as const, count, sum: total, buckets: cumulated(bounds, bucketCounts) };
    told.push({
      attributes: textOf(attributes),
      point: { metric: name, reading, isDelta: histogram?.aggregationTemporality === delta },
    });
  }
  for (const point of exponentialHistogram?.dataPoints ?? []) {
    const { attributes, count, sum: total = 0, scale, zeroCount, positive, negative } = point;
    const size = (positive?.bucketCounts.length ?? 0) + (negative?.bucketCounts.length ?? 0);
    if (size > mostBuckets) continue;
    const base = 2 ** (2 ** -scale);
    // Bucket i of the positive ones is (base^i, base^(i+1)]; of the negative ones its mirror.
    const below = (negative?.bucketCounts ?? []).map((inBucket, index): [number, number] => [
      -(base ** (negative!.offset + index)),
      inBucket,
    ]);
    const above = (positive?.bucketCounts ?? []).map((inBucket, index): [number, number] => [
      base ** (positive!.offset + index + 1),
      inBucket,
    ]);
    const all: [number, number][] = [...below.reverse(), [0, zeroCount], ...above, [Number.POSITIVE_INFINITY, 0]];
    const buckets = cumulated(
      all.map(([bound]) => bound),
      all.map(([, inBucket]) => inBucket),
    );
    const isDelta = exponentialHistogram?.aggregationTemporality === delta;
    told.push({
      attributes: textOf(attributes),
      point: { metric: name, reading: { kind: 'histogram', count, sum: total, buckets }, isDelta },
    });
  }
  return told;
}

const textOf = (attributes: Parameters<typeof attributesOf>[0]): string =>
  JSON.stringify(Object.entries(attributesOf(attributes)).sort(([a], [b]) => (a < b ? -1 : 1)));

function cumulated(bounds: number[], counts: number[]): Histogram['buckets'] {
  let below = 0;
  return counts.map((count, index) => {
    below += count;
    return [bounds[index]!, below];
  });
}

/** A point that tells growth alone, put on top of what was. */
function added(before: Point, point: Point): Point {
  const [was, grown] = [before.reading, point.reading];
  if (was.kind === 'histogram' && grown.kind === 'histogram')
    return { ...point, reading: { kind: 'histogram', ...histogramSum(was, grown) } };
  if (was.kind === 'histogram' || grown.kind === 'histogram') return point;
  return { ...point, reading: { kind: grown.kind, value: was.value + grown.value } };
}

/** Two histograms as one: counts below each bound of either, as far as each tells. */
function histogramSum(a: Histogram, b: Histogram): Histogram {
  const bounds = [...new Set([...a.buckets, ...b.buckets].map(([bound]) => bound))].sort((x, y) => x - y);
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    buckets: bounds.map((bound) => [bound, countBelow(a, bound) + countBelow(b, bound)]),
  };
}

/** Label sets of one metric together, as with what is scraped: counters and histograms summed, of gauges the mean. */
function readingsOf({ series, summaries }: Component): Reading[] {
  const byMetric = new Map<string, Point['reading'][]>();
  for (const { metric, reading } of series.values()) byMetric.set(metric, [...(byMetric.get(metric) ?? []), reading]);
  const readings: Reading[] = [...summaries.values()];
  for (const [metric, parts] of byMetric) {
    const [first] = parts;
    if (first?.kind === 'histogram') {
      const histograms = parts.filter((part): part is Histogram & { kind: 'histogram' } => part.kind === 'histogram');
      const { count, sum, buckets } = histograms.slice(1).reduce<Histogram>(histogramSum, first);
      readings.push({ kind: 'histogram', metric, count, sum, buckets });
    } else {
      const values = parts.flatMap((part) => (part.kind === 'histogram' ? [] : [part.value]));
      const sum = values.reduce((total, value) => total + value, 0);
      readings.push(
        first?.kind === 'counter'
          ? { kind: 'counter', metric, value: sum }
          : { kind: 'gauge', metric, value: sum / values.length },
      );
    }
  }
  return readings;
}
