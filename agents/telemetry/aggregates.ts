import type { Aggregate } from '../bus/aggregates.ts';
import type { Telemetry } from '../bus/messages.ts';
import { checkEncoded, type EncodedSketch, QuantileSketch } from './sketch.ts';
import type { SeriesQuery } from './window.ts';

interface Span {
  time: number;
  spanMs: number;
  /** The sketch as it came, one with bins as text: a tenth of what it takes unpacked, and most are never asked for. */
  gauge?: EncodedSketch | string;
  grown?: number;
}
interface Kept {
  metric: string;
  node: string;
  application: string;
  component: string;
  peer: string;
  spans: Span[];
}

type From = Omit<Kept, 'metric' | 'spans'>;

const isFrom = (kept: Kept, metric: string, { node, application, component, peer }: From): boolean =>
  kept.metric === metric &&
  kept.node === node &&
  kept.application === application &&
  kept.component === component &&
  kept.peer === peer;

/** Spans kept of all series together, at some 150 bytes each; when there are more, each series keeps fewer. */
const mostSpans = 2_000_000;

/** The recent past as it is told upwards: quantiles and rates of any set of series, over spans of some seconds each. */
export class Aggregates {
  readonly #kept = new Map<string, Kept>();
  /** By node, those of its last message in its order: the next one mostly tells of the same, and nothing has to be looked up. */
  readonly #inOrder = new Map<string, Kept[]>();
  readonly #byMetric = new Map<string, Set<Kept>>();
  readonly #keptMs: number;
  #spans = 0;

  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  /** @throws RangeError when it contradicts itself; nothing of the message is taken then */
  add(aggregate: Aggregate): void {
    const { node, time, spanMs, metrics, groups } = aggregate;
    for (const { gauges = [], counters = [] } of groups) {
      for (const [place, encoded] of gauges) {
        metricAt(metrics, place);
        checkEncoded(encoded);
      }
      for (const [place] of counters) metricAt(metrics, place);
    }
    const inOrder = this.#inOrder.get(node) ?? [];
    this.#inOrder.set(node, inOrder);
    let at = 0;
    for (const { application = '', component = '', peer = '', gauges = [], counters = [] } of groups) {
      const from = { node, application, component, peer };
      for (const [place, encoded] of gauges) {
        const gauge = encoded.length === 2 ? encoded : JSON.stringify(encoded);
        this.#keep(inOrder, at++, metricAt(metrics, place), from, { time, spanMs, gauge });
      }
      for (const [place, [grown]] of counters) this.#keep(inOrder, at++, metricAt(metrics, place), from, { time, spanMs, grown });
    }
  }

  #keptOf(metric: string, { node, application, component, peer }: From): Kept {
    const key = `${metric}|${node}|${application}|${component}|${peer}`;
    const known = this.#kept.get(key);
    if (known) return known;
    const kept: Kept = { metric, node, application, component, peer, spans: [] };
    this.#kept.set(key, kept);
    const same = this.#byMetric.get(metric) ?? new Set();
    this.#byMetric.set(metric, same.add(kept));
    return kept;
  }

  /** @param inOrder those of the node's last message, in its order */
  #keep(inOrder: Kept[], place: number, metric: string, from: From, span: Span): void {
    let kept = inOrder[place];
    if (!kept || !isFrom(kept, metric, from)) {
      kept = this.#keptOf(metric, from);
      inOrder[place] = kept;
    }
    const last = kept.spans.at(-1);
    if (last && span.time <= last.time) return;
    kept.spans.push(span);
    this.#spans++;
    while (kept.spans[0]!.time < span.time - this.#keptMs || (this.#spans > mostSpans && kept.spans.length > 1)) {
      kept.spans.shift();
      this.#spans--;
    }
  }

  /** All values of the matching series since a time as one sketch; spans count whole, by their end. */
  sketch(query: SeriesQuery, since = Number.NEGATIVE_INFINITY): QuantileSketch {
    const merged = new QuantileSketch();
    for (const { spans } of this.#find(query))
      for (const { time, gauge } of spans)
        if (gauge !== undefined && time >= since)
          merged.merge(QuantileSketch.decode(typeof gauge === 'string' ? JSON.parse(gauge) : gauge));
    return merged;
  }

  /** Within 1 % of the value at that rank; undefined without values. */
  quantile(query: SeriesQuery, q: number, since?: number): number | undefined {
    return this.sketch(query, since).quantile(q);
  }

  /** Growth per second of counters, summed over the matching series; undefined where none is a counter that was heard. */
  rate(query: SeriesQuery, since = Number.NEGATIVE_INFINITY): number | undefined {
    let sum: number | undefined;
    for (const { spans } of this.#find(query)) {
      const counted = spans.filter(({ time, grown }) => grown !== undefined && time >= since);
      const lasted = counted.reduce((total, { spanMs }) => total + spanMs, 0);
      if (lasted > 0) sum = (sum ?? 0) + (counted.reduce((total, { grown = 0 }) => total + grown, 0) * 1000) / lasted;
    }
    return sum;
  }

  /** Which series are known; a query without a field has all of it. */
  series(query: Partial<SeriesQuery> = {}): (Required<SeriesQuery> & { isCounter: boolean })[] {
    const { metric, ...rest } = query;
    const metrics = metric === undefined ? [...this.#byMetric.keys()] : [metric];
    return metrics
      .flatMap((one) => this.#find({ metric: one, ...rest }))
      .map(({ spans, ...key }) => ({ ...key, isCounter: spans.at(-1)?.grown !== undefined }));
  }

  /** Forgets what has said nothing since `time`. */
  forgetBefore(time: number): void {
    for (const [key, kept] of this.#kept) {
      if ((kept.spans.at(-1)?.time ?? Number.NEGATIVE_INFINITY) >= time) continue;
      this.#kept.delete(key);
      this.#inOrder.delete(kept.node);
      this.#spans -= kept.spans.length;
      this.#byMetric.get(kept.metric)?.delete(kept);
    }
  }

  #find({ metric, node, application, component, peer }: SeriesQuery): Kept[] {
    return [...(this.#byMetric.get(metric) ?? [])].filter(
      (kept) =>
        (node === undefined || kept.node === node) &&
        (application === undefined || kept.application === application) &&
        (component === undefined || kept.component === component) &&
        (peer === undefined || kept.peer === peer),
    );
  }
}

/** An aggregate as one reading of everything, for a window of points: gauges by their mean over the span, counters as they stood at its end. @throws RangeError */
export function asTelemetry({ agent, cluster, node, time, metrics, groups }: Aggregate): Telemetry {
  const samples = groups.flatMap(({ gauges = [], counters = [], ...from }) => [
    ...gauges.map(([place, encoded]) => {
      const value = encoded.length === 2 ? encoded[1] : encoded[1] / encoded[0];
      return { metric: metricAt(metrics, place), value, ...from };
    }),
    ...counters.map(([place, [, last]]) => ({ metric: metricAt(metrics, place), value: last, ...from })),
  ]);
  return { agent, cluster, node, time, samples };
}

/** @throws RangeError */
function metricAt(metrics: string[], place: number): string {
  const metric = metrics[place];
  if (metric === undefined) throw new RangeError(`there is no metric ${place} among ${metrics.length}`);
  return metric;
}
