import type { Aggregate } from '../bus/aggregates.ts';
import type { Sample, Telemetry } from '../bus/messages.ts';
import { isCounter } from './metric-kinds.ts';
import { QuantileSketch } from './sketch.ts';

interface Counter {
  last: number;
  grown: number;
  /** Whether it was heard in this span. */
  fresh: boolean;
}
interface Group {
  from: Pick<Sample, 'application' | 'component' | 'peer' | 'source'>;
  gauges: Map<string, QuantileSketch>;
  counters: Map<string, Counter>;
}

type Gauge = NonNullable<Aggregate['groups'][number]['gauges']>[number];
type CounterTold = NonNullable<Aggregate['groups'][number]['counters']>[number];
/** Short on the wire: growth to a hundred-thousandth, where a counter stands to a ten-thousand-millionth. */
const rounded = (value: number, digits: number): number => Number(value.toPrecision(digits));

export interface AggregatorOptions {
  agent: string;
  cluster: string;
  /** How long readings of a node are gathered. */
  spanMs: number;
}

interface Node {
  /** By agent: a node's own tells most of it, its cluster's how far it is trusted. */
  heardAt: Map<string, number>;
  /** When this span began, and when it is to be told, on our own clock. */
  since: number;
  dueAt: number;
  groups: Map<string, Group>;
}

/** Nodes are told in so many turns of a span: all at once would fill a thin link for seconds, and signs of life would be late. */
export const turns = 10;

/** Makes of every reading of a cluster's nodes one message a node and span: gauges as quantile sketches, counters as what they have grown by. */
export class Aggregator {
  readonly #options: AggregatorOptions;
  readonly #nodes = new Map<string, Node>();
  #turn = 0;

  constructor(options: AggregatorOptions) {
    this.#options = options;
  }

  /** @param now ms since the epoch on our own clock; the sender's may be off */
  add({ agent, node, time, samples }: Telemetry, now: number): void {
    const known = this.#nodes.get(node) ?? this.#begin(now);
    this.#nodes.set(node, known);
    // Repeated or late: what it says was counted.
    if (time <= (known.heardAt.get(agent) ?? Number.NEGATIVE_INFINITY)) return;
    known.heardAt.set(agent, time);
    let group: Group | undefined;
    for (const sample of samples) {
      const { metric, value } = sample;
      if (!Number.isFinite(value)) continue;
      // Samples of one place come one after the other.
      if (!group || !isFrom(group, sample)) group = groupOf(known.groups, sample);
      if (isCounter(metric)) count(group.counters, metric, value);
      else {
        const sketch = group.gauges.get(metric) ?? new QuantileSketch();
        group.gauges.set(metric, sketch);
        sketch.add(value);
      }
    }
  }

  /** What was heard of the nodes whose turn it is; to be called `turns` times a span. Their next span begins. */
  take(now: number): Aggregate[] {
    return this.#take(now, ({ dueAt }) => now >= dueAt);
  }

  /** What was heard of all nodes, whether it is their turn or not. */
  takeAll(now: number): Aggregate[] {
    return this.#take(now, () => true);
  }

  #begin(now: number): Node {
    const { spanMs } = this.#options;
    this.#turn = (this.#turn + 1) % turns;
    return { heardAt: new Map(), since: now, dueAt: now + (spanMs * (this.#turn + 1)) / turns, groups: new Map() };
  }

  #take(now: number, isDue: (node: Node) => boolean): Aggregate[] {
    const { agent, cluster, spanMs: wantedMs } = this.#options;
    const taken: Aggregate[] = [];
    for (const [node, one] of this.#nodes) {
      const spanMs = now - one.since;
      if (!isDue(one) || spanMs <= 0) continue;
      const { groups } = one;
      one.since = now;
      one.dueAt = Math.max(one.dueAt + wantedMs, now);
      const told: Aggregate['groups'] = [];
      const metrics: string[] = [];
      const places = new Map<string, number>();
      const placeOf = (metric: string): number => {
        const known = places.get(metric) ?? metrics.push(metric) - 1;
        places.set(metric, known);
        return known;
      };
      for (const [key, group] of groups) {
        const gauges = [...group.gauges].map(([metric, sketch]): Gauge => [placeOf(metric), sketch.encode()]);
        const heard = [...group.counters].filter(([, { fresh }]) => fresh);
        const counters = heard.map(
          ([metric, { grown, last }]): CounterTold => [placeOf(metric), [rounded(grown, 6), rounded(last, 10)]],
        );
        // A counter's last value is needed for one span more; what is gone for longer begins anew.
        for (const [metric, counter] of group.counters) {
          if (!counter.fresh) group.counters.delete(metric);
          counter.fresh = false;
          counter.grown = 0;
        }
        group.gauges.clear();
        if (gauges.length > 0 || counters.length > 0)
          told.push({ ...group.from, ...(gauges.length > 0 && { gauges }), ...(counters.length > 0 && { counters }) });
        else if (group.counters.size === 0) groups.delete(key);
      }
      if (groups.size === 0) this.#nodes.delete(node);
      if (told.length > 0) taken.push({ agent, cluster, node, time: now, spanMs, metrics, groups: told });
    }
    return taken;
  }
}

const isFrom = ({ from }: Group, { application, component, peer, source }: Sample): boolean =>
  from.application === application && from.component === component && from.peer === peer && from.source === source;

function groupOf(groups: Map<string, Group>, { application, component, peer, source }: Sample): Group {
  const key = `${application ?? ''}|${component ?? ''}|${peer ?? ''}|${source ?? ''}`;
  const known = groups.get(key);
  if (known) return known;
  const from = {
    ...(application !== undefined && { application }),
    ...(component !== undefined && { component }),
    ...(peer !== undefined && { peer }),
    ...(source !== undefined && { source }),
  };
  const group: Group = { from, gauges: new Map(), counters: new Map() };
  groups.set(key, group);
  return group;
}

function count(counters: Map<string, Counter>, metric: string, value: number): void {
  const before = counters.get(metric);
  // The first value says nothing of growth. One that went back has begun anew at zero.
  const step = before === undefined ? 0 : value >= before.last ? value - before.last : value;
  counters.set(metric, { last: value, grown: Math.max((before?.grown ?? 0) + step, 0), fresh: true });
}
