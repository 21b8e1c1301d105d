import type { Sample, Telemetry } from '../bus/messages.ts';
import { type Point, Series } from './series.ts';

export type { Point } from './series.ts';

/** Which series: a metric, and where it is from. What is left out matches anything. */
export interface SeriesQuery {
  metric: string;
  node?: string;
  application?: string;
  component?: string;
  /** Node at the other end, of what is told of a link. */
  peer?: string;
}

interface SeriesKey {
  metric: string;
  node: string;
  application: string;
  component: string;
  peer: string;
  source: string | undefined;
}

/** One series as it stands: where it is from and its latest point. */
export interface Latest extends Point, SeriesKey {}

interface Kept extends SeriesKey {
  key: string;
  series: Series;
}

interface NodeSeries {
  /** By metric and where it is from. */
  series: Map<string, Kept>;
  byMetric: Map<string, Kept[]>;
  /** Those of the last message, in its order: the next one mostly tells of the same, and nothing has to be looked up. */
  inOrder: Kept[];
}

/** A series with all its points, oldest first; times in ms since the epoch. */
export interface DumpedSeries extends SeriesKey {
  times: number[];
  values: number[];
}

/** Hears of what is added and forgotten, before it is. */
export interface WindowFollower {
  adds(telemetry: Telemetry): void;
  forgets(before: number): void;
}

export interface SlidingWindowOptions {
  /**
   * Points kept of all series together, at 12 bytes each. When they are used up no series takes more room: its oldest points make way earlier.
   * The default holds 1,000 nodes with 50 metrics each, every second for ten minutes, in 370 MB.
   */
  mostPoints?: number;
}

const defaultMostPoints = 32_000_000;

/**
 * The recent past of every series, as policies read it: a sliding window of `spanMs`, series by metric, node, application, component and peer.
 * With n points a series, the latest point is read in O(1), points since a time are found and rates are told in O(log n); a quantile over the
 * whole window costs a sort at the first call for a series and a look-up after that.
 */
export class SlidingWindow {
  readonly #nodes = new Map<string, NodeSeries>();
  #seriesCount = 0;
  /** Sets of series by metric alone, and by metric and application. A query goes through the smallest that it can, those of a node first. */
  readonly #index = new Map<string, Set<Kept>>();
  readonly #mostPoints: number;
  #room = 0;
  readonly #followers = new Set<WindowFollower>();
  readonly spanMs: number;

  constructor(spanMs: number, options: SlidingWindowOptions = {}) {
    this.spanMs = spanMs;
    this.#mostPoints = options.mostPoints ?? defaultMostPoints;
  }

  /** Series held, and points that there is room for. */
  get size(): { series: number; points: number } {
    return { series: this.#seriesCount, points: this.#room };
  }

  follow(follower: WindowFollower): { close(): void } {
    this.#followers.add(follower);
    return { close: () => void this.#followers.delete(follower) };
  }

  /** Every series as it stands. Added in this order to an empty window, they answer all queries as here. */
  *dump(): Generator<DumpedSeries> {
    for (const [group, ofMetric] of this.#index) {
      if (group.includes('|')) continue;
      for (const { key: _, series, ...from } of ofMetric) {
        const times = Array.from({ length: series.length }, (_, index) => series.timeAt(index));
        yield { ...from, times, values: [...series.values()] };
      }
    }
  }

  /** Adds a series that another window has dumped. */
  load({ times, values, node, ...from }: DumpedSeries): void {
    for (const [index, time] of times.entries())
      this.add({ agent: '', cluster: '', node, time, samples: [{ ...from, value: values[index]! }] });
  }

  add(telemetry: Telemetry): void {
    for (const follower of this.#followers) follower.adds(telemetry);
    const time = Math.round(telemetry.time);
    let ofNode = this.#nodes.get(telemetry.node);
    if (!ofNode) {
      ofNode = { series: new Map(), byMetric: new Map(), inOrder: [] };
      this.#nodes.set(telemetry.node, ofNode);
    }
    const { samples } = telemetry;
    const { inOrder } = ofNode;
    for (let place = 0; place < samples.length; place++) {
      const sample = samples[place]!;
      if (!Number.isFinite(sample.value)) continue;
      let kept = inOrder[place];
      if (!kept || !isOf(kept, sample)) {
        kept = this.#keptOf(ofNode, telemetry.node, sample);
        // No holes: places before may have been passed over.
        if (place <= inOrder.length) inOrder[place] = kept;
      }
      const { series } = kept;
      // A late or repeated message must not turn time back.
      if (series.length > 0 && time <= series.lastAt) continue;
      kept.source = sample.source;
      const before = series.capacity;
      series.push(time, sample.value, time - this.spanMs, this.#room < this.#mostPoints);
      this.#room += series.capacity - before;
    }
  }

  #keptOf(ofNode: NodeSeries, node: string, sample: Sample): Kept {
    const { metric, application = '', component = '', peer = '', source } = sample;
    // Most are of the node itself; a metric's name has no "|".
    const isOfNode = application === '' && component === '' && peer === '';
    const key = isOfNode ? metric : `${metric}|${application}|${component}|${peer}`;
    const known = ofNode.series.get(key);
    if (known) return known;
    const kept: Kept = { key, metric, node, application, component, peer, source, series: new Series() };
    ofNode.series.set(key, kept);
    const alike = ofNode.byMetric.get(metric);
    if (alike) alike.push(kept);
    else ofNode.byMetric.set(metric, [kept]);
    this.#seriesCount++;
    this.#room += kept.series.capacity;
    for (const group of groupsOf(kept)) {
      const same = this.#index.get(group);
      if (same) same.add(kept);
      else this.#index.set(group, new Set([kept]));
    }
    return kept;
  }

  /** Latest point of each matching series, newest first. */
  latest(query: SeriesQuery): Latest[] {
    const found = this.#find(query);
    const latest = new Array<Latest>(found.length);
    for (let index = 0; index < found.length; index++) latest[index] = latestOf(found[index]!);
    return found.length > 1 ? latest.sort((a, b) => b.time - a.time) : latest;
  }

  /** What a node last told of itself: not of a component on it, nor of a link. */
  lastOf(node: string, metric: string): Latest | undefined {
    const kept = this.#nodes.get(node)?.series.get(metric);
    return kept && latestOf(kept);
  }

  /** Points of all matching series from `since` on, ascending in time. */
  points(query: SeriesQuery, since = Number.NEGATIVE_INFINITY): Point[] {
    const found = this.#find(query);
    const merged: Point[] = [];
    for (const { series } of found)
      for (let index = series.firstSince(since); index < series.length; index++) merged.push(series.at(index));
    return found.length > 1 ? merged.sort((a, b) => a.time - b.time) : merged;
  }

  /** `q` in 0–1, by linear interpolation; undefined without points. */
  quantile(query: SeriesQuery, q: number, since = Number.NEGATIVE_INFINITY): number | undefined {
    const found = this.#find(query);
    const [only] = found;
    if (!only) return undefined;
    if (found.length === 1) {
      const { series } = only;
      const from = series.firstSince(since);
      return ofSorted(from === 0 ? series.sortedValues() : series.values(from).sort(), q);
    }
    const parts = found.map(({ series }) => series.values(series.firstSince(since)));
    const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return ofSorted(all.sort(), q);
  }

  /** What the series usually is: its median over the window, or since a time. */
  usual(query: SeriesQuery, since?: number): number | undefined {
    return this.quantile(query, 0.5, since);
  }

  /** Growth per second of a counter since a time, over resets, summed over the matching series; undefined where none has two points. */
  rate(query: SeriesQuery, since = Number.NEGATIVE_INFINITY): number | undefined {
    let sum: number | undefined;
    for (const { series } of this.#find(query)) {
      const from = series.firstSince(since);
      const lastIndex = series.length - 1;
      if (from >= lastIndex) continue;
      sum = (sum ?? 0) + (series.grownSince(from) * 1000) / (series.timeAt(lastIndex) - series.timeAt(from));
    }
    return sum;
  }

  /** Forgets series that have had no point since `time`. */
  forgetBefore(time: number): void {
    for (const follower of this.#followers) follower.forgets(time);
    for (const [node, ofNode] of this.#nodes) {
      for (const kept of ofNode.series.values()) {
        if ((kept.series.last?.time ?? Number.NEGATIVE_INFINITY) >= time) continue;
        ofNode.series.delete(kept.key);
        ofNode.inOrder.length = 0;
        const alike = ofNode.byMetric.get(kept.metric)?.filter((other) => other !== kept) ?? [];
        if (alike.length > 0) ofNode.byMetric.set(kept.metric, alike);
        else ofNode.byMetric.delete(kept.metric);
        this.#seriesCount--;
        this.#room -= kept.series.capacity;
        for (const group of groupsOf(kept)) {
          const same = this.#index.get(group);
          same?.delete(kept);
          if (same?.size === 0) this.#index.delete(group);
        }
      }
      if (ofNode.series.size === 0) this.#nodes.delete(node);
    }
  }

  #find({ metric, node, application, component, peer }: SeriesQuery): readonly Kept[] {
    const group =
      node !== undefined
        ? this.#nodes.get(node)?.byMetric.get(metric)
        : this.#index.get(application !== undefined ? groupOfApplication(metric, application) : metric);
    const found: Kept[] = [];
    for (const kept of group ?? [])
      if (
        (application === undefined || kept.application === application) &&
        (component === undefined || kept.component === component) &&
        (peer === undefined || kept.peer === peer)
      )
        found.push(kept);
    return found;
  }
}

const isOf = (kept: Kept, { metric, application, component, peer }: Sample): boolean =>
  kept.metric === metric &&
  kept.application === (application ?? '') &&
  kept.component === (component ?? '') &&
  kept.peer === (peer ?? '');

const latestOf = ({ metric, node, application, component, peer, source, series }: Kept): Latest => {
  const last = series.length - 1;
  return { metric, node, application, component, peer, source, time: series.timeAt(last), value: series.valueAt(last) };
};

const groupOfApplication = (metric: string, application: string): string => `${metric}|application|${application}`;
const groupsOf = ({ metric, application }: Kept): string[] => [metric, groupOfApplication(metric, application)];

/** Quantile by linear interpolation between order statistics (type 7); undefined without values. */
export function quantile(values: number[], q: number): number | undefined {
  return ofSorted(Float64Array.from(values).sort(), q);
}

function ofSorted(sorted: Float64Array, q: number): number | undefined {
  if (sorted.length === 0) return undefined;
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)]!;
  const above = sorted[Math.ceil(position)]!;
  return below + (above - below) * (position - Math.floor(position));
}
