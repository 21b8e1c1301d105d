import type { SlidingWindow } from '../telemetry/window.ts';
import type { ClusterSituation } from './situation.ts';

/** What a node may do that it never did: each figure with how far it must be off at least to matter, in its own unit. */
const signs = {
  unexplained: { what: 'load that no component explains', least: 0.15, unit: '' },
  waiting: { what: 'time waiting for its disks', least: 0.15, unit: '' },
  stolen: { what: 'time taken by its host', least: 0.1, unit: '' },
  dropped: { what: 'packets dropped', least: 20, unit: '/s' },
  pressure: { what: 'tasks waiting for memory', least: 0.1, unit: '' },
} as const;
type Sign = keyof typeof signs;

/** A figure's usual value and spread, old ones fading. */
interface Usual {
  mean: number;
  variance: number;
  samples: number;
}
export interface Anomaly {
  /** For people: "load that no component explains, at 0.61 instead of 0.05". */
  text: string;
  value: number;
  usual: number;
  unit: string;
  what: string;
  /** Spreads that it is off; above the threshold it is an anomaly. */
  score: number;
  since: number;
}

export interface AnomalySettings {
  /** Spreads that a figure must be off. */
  threshold: number;
  /** For how long, s, before it is one; and for how long it must be gone before the node is as before. */
  holdS: number;
  clearS: number;
}

/** Readings that a usual value rests on before it is one; some two minutes. */
const enough = 120;
/** Share that a new reading has: half of what is known is some ten minutes old. */
const rate = 0.0012;

/**
 * Watches nodes for what is not of their work: each figure is held against its own past (mean and spread by exponential smoothing), which stands still while it is
 * off. Where many nodes are off at once it is not the nodes: then none of them is suspect.
 */
export class AnomalyWatch {
  readonly #settings: AnomalySettings;
  readonly #usual = new Map<string, Usual>();
  readonly #off = new Map<string, { since: number; last: number; anomaly: Anomaly }>();
  readonly #read = new Map<string, number>();

  constructor(settings: AnomalySettings) {
    this.#settings = settings;
  }

  observe(view: ClusterSituation, window: SlidingWindow, now: number): void {
    for (const { name, cores } of view.nodes) {
      const [used] = window.latest({ metric: 'cpu_used_ratio', node: name, component: '' });
      if (!used || used.time === this.#read.get(name) || now - used.time > 10_000) continue;
      this.#read.set(name, used.time);
      for (const [sign, value] of Object.entries(readings(window, name, cores, used.value)) as [Sign, number][])
        this.#take(`${name}|${sign}`, sign, value, now);
    }
    for (const [key, { last }] of this.#off) if (now - last > 1000 * this.#settings.clearS) this.#off.delete(key);
  }

  /** What is the matter with each node now; empty when it is the matter with most of them. */
  suspects(view: ClusterSituation, now: number): Map<string, Anomaly> {
    const found = new Map<string, Anomaly>();
    for (const [key, { since, anomaly }] of this.#off) {
      const [node = ''] = key.split('|');
      if (now - since < 1000 * this.#settings.holdS || !view.nodes.some(({ name }) => name === node)) continue;
      const known = found.get(node);
      if (!known || known.score < anomaly.score) found.set(node, anomaly);
    }
    const working = view.nodes.filter(({ ready, taints }) => ready && taints.length === 0).length;
    return found.size * 2 > working ? new Map() : found;
  }

  #take(key: string, sign: Sign, value: number, now: number): void {
    const { what, least, unit } = signs[sign];
    const usual = this.#usual.get(key) ?? { mean: value, variance: 0, samples: 0 };
    const spread = Math.max(Math.sqrt(usual.variance), least / 4);
    const score = (value - usual.mean) / spread;
    const isOff = usual.samples >= enough && score > this.#settings.threshold && value - usual.mean > least;
    const before = this.#off.get(key);
    if (isOff) {
      const text = `${what} at ${round(value)}${unit} instead of ${round(usual.mean)}${unit}`;
      const since = before?.since ?? now;
      this.#off.set(key, { since, last: now, anomaly: { text, value, usual: usual.mean, unit, what, score, since } });
      return;
    }
    // One that has not held yet was a whim.
    if (before && now - before.since < 1000 * this.#settings.holdS) this.#off.delete(key);
    const share = Math.max(rate, 1 / (usual.samples + 1));
    const error = value - usual.mean;
    this.#usual.set(key, {
      mean: usual.mean + share * error,
      variance: (1 - share) * (usual.variance + share * error * error),
      samples: usual.samples + 1,
    });
  }
}

function readings(window: SlidingWindow, node: string, cores: number, used: number): Partial<Record<Sign, number>> {
  const of = (metric: string): number | undefined => window.latest({ metric, node, component: '' })[0]?.value;
  const components = window.latest({ metric: 'component_cpu_cores', node }).reduce((sum, { value }) => sum + value, 0);
  const all: Record<Sign, number | undefined> = {
    unexplained: Math.max(used - components / Math.max(cores, 1), 0),
    waiting: of('cpu_iowait_ratio'),
    stolen: of('cpu_steal_ratio'),
    dropped: of('network_dropped_packets_per_second'),
    pressure: of('pressure_memory_ratio'),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && Number.isFinite(value)));
}

const round = (value: number): string => String(Number(value.toPrecision(2)));
