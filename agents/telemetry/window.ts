import type { Telemetry } from '../bus/messages.ts';

/** Which series: a metric, and where it is from. What is left out matches anything. */
export interface SeriesQuery {
  metric: string;
  node?: string;
  application?: string;
  component?: string;
}

export interface Point {
  /** ms since the epoch. */
  time: number;
  value: number;
}

interface Series {
  metric: string;
  node: string;
  application: string;
  component: string;
  source: string | undefined;
  points: Point[];
}

/** One series as it stands: where it is from and its latest point. */
export interface Latest extends Point {
  metric: string;
  node: string;
  application: string;
  component: string;
  source: string | undefined;
}

/** The recent past of every series, as policies read it: a sliding window of `spanMs`, series by metric, node, application and component. */
export class SlidingWindow {
  readonly #series = new Map<string, Series>();
  readonly #byMetric = new Map<string, Set<Series>>();
  readonly spanMs: number;

  constructor(spanMs: number) {
    this.spanMs = spanMs;
  }

  add(telemetry: Telemetry): void {
    for (const sample of telemetry.samples) {
      if (!Number.isFinite(sample.value)) continue;
      const application = sample.application ?? '';
      const component = sample.component ?? '';
      const key = `${sample.metric}|${telemetry.node}|${application}|${component}`;
      let series = this.#series.get(key);
      if (!series) {
        series = { metric: sample.metric, node: telemetry.node, application, component, source: sample.source, points: [] };
        this.#series.set(key, series);
        const same = this.#byMetric.get(sample.metric) ?? new Set();
        this.#byMetric.set(sample.metric, same.add(series));
      }
      const last = series.points.at(-1);
      // A late or repeated message must not turn time back.
      if (last && telemetry.time <= last.time) continue;
      series.source = sample.source;
      series.points.push({ time: telemetry.time, value: sample.value });
      const oldest = telemetry.time - this.spanMs;
      // Old points go in batches: dropping one at a time would copy the array at every sample.
      if (series.points[0]!.time < oldest - this.spanMs / 8)
        series.points = series.points.filter((point) => point.time >= oldest);
    }
  }

  /** Latest point of each matching series, newest first. */
  latest(query: SeriesQuery): Latest[] {
    return this.#find(query)
      .flatMap(({ points, ...key }) => {
        const point = points.at(-1);
        return point ? [{ ...key, ...point }] : [];
      })
      .sort((a, b) => b.time - a.time);
  }

  /** Points of all matching series from `since` on, ascending in time. */
  points(query: SeriesQuery, since = Number.NEGATIVE_INFINITY): Point[] {
    const found = this.#find(query);
    const merged = found.flatMap((series) => series.points.filter((point) => point.time >= since));
    return found.length > 1 ? merged.sort((a, b) => a.time - b.time) : merged;
  }

  /** `q` in 0–1, by linear interpolation; undefined without points. */
  quantile(query: SeriesQuery, q: number, since?: number): number | undefined {
    return quantile(
      this.points(query, since).map(({ value }) => value),
      q,
    );
  }

  /** What the series usually is: its median over the window, or since a time. */
  usual(query: SeriesQuery, since?: number): number | undefined {
    return this.quantile(query, 0.5, since);
  }

  /** Growth per second of a counter since a time, over resets; undefined with fewer than two points. */
  rate(query: SeriesQuery, since?: number): number | undefined {
    const points = this.points(query, since);
    const first = points[0];
    const last = points.at(-1);
    if (!first || !last || last.time === first.time) return undefined;
    let grown = 0;
    for (let i = 1; i < points.length; i++) {
      const step = points[i]!.value - points[i - 1]!.value;
      grown += step >= 0 ? step : points[i]!.value;
    }
    return (grown * 1000) / (last.time - first.time);
  }

  /** Forgets series that have had no point since `time`. */
  forgetBefore(time: number): void {
    for (const [key, series] of this.#series) {
      if ((series.points.at(-1)?.time ?? Number.NEGATIVE_INFINITY) >= time) continue;
      this.#series.delete(key);
      this.#byMetric.get(series.metric)?.delete(series);
    }
  }

  #find(query: SeriesQuery): Series[] {
    return [...(this.#byMetric.get(query.metric) ?? [])].filter(
      (series) =>
        (query.node === undefined || series.node === query.node) &&
        (query.application === undefined || series.application === query.application) &&
        (query.component === undefined || series.component === query.component),
    );
  }
}

/** Quantile by linear interpolation between order statistics (type 7); undefined without values. */
export function quantile(values: number[], q: number): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)]!;
  const above = sorted[Math.ceil(position)]!;
  return below + (above - below) * (position - Math.floor(position));
}
