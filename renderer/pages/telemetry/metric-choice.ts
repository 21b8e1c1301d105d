import type { Reading } from '../../state/headline.ts';
import { isLinkMetric } from './link-lines.ts';

/** What people have added to and taken from the charts that a testbed has by itself; kept in this browser. */
export interface MetricChoice {
  added: string[];
  removed: string[];
  /** Their charts stand before the others, in this order. */
  pinned: string[];
}

export const noChoice: MetricChoice = { added: [], removed: [], pinned: [] };

/** Metrics of hosts that every testbed has a chart of: they come last, in this order. */
export const hostMetrics = [
  'cpu_used_ratio',
  'power_w',
  'memory_used_bytes',
  'network_receive_bytes_per_second',
  'network_transmit_bytes_per_second',
];
/** Facts and counters: their height over time tells nothing, unless somebody asks for it. */
const withoutChart = new Set(['frames_total', 'component_memory_bytes']);

type ReadMetric = Pick<Reading, 'metric' | 'component'>;

/** Metrics with a chart of their own accord: the headline, what applications tell, what every host tells, what components use, and the links between hosts. */
export function usualMetrics(read: readonly ReadMetric[], headline: string | null): string[] {
  const all = new Set(read.map(({ metric }) => metric));
  const ofComponents = new Set(read.flatMap(({ metric, component }) => (component === '' ? [] : [metric])));
  const own = [...ofComponents].filter(
    (metric) => metric !== headline && metric !== 'component_cpu_cores' && !withoutChart.has(metric) && !isLinkMetric(metric),
  );
  const links = [...all].filter(isLinkMetric).sort();
  return [
    ...(headline && all.has(headline) ? [headline] : []),
    ...own.sort(),
    ...hostMetrics.filter((metric) => all.has(metric)),
    ...(all.has('component_cpu_cores') ? ['component_cpu_cores'] : []),
    ...links,
  ];
}

/** The usual ones as they were changed; what was added comes last, and only what has been read. */
export function chosenMetrics(read: readonly ReadMetric[], headline: string | null, choice: MetricChoice): string[] {
  const all = new Set(read.map(({ metric }) => metric));
  const usual = usualMetrics(read, headline);
  return [
    ...usual.filter((metric) => !choice.removed.includes(metric)),
    ...choice.added.filter((metric) => all.has(metric) && !usual.includes(metric)),
  ];
}

/** The choice after a metric was switched. */
export function withMetric(choice: MetricChoice, usual: readonly string[], metric: string, shown: boolean): MetricChoice {
  const without = (list: readonly string[]) => list.filter((one) => one !== metric);
  if (usual.includes(metric))
    return { ...choice, removed: shown ? without(choice.removed) : [...without(choice.removed), metric] };
  return { ...choice, added: shown ? [...without(choice.added), metric] : without(choice.added) };
}

/** The choice after the pin of a metric was pressed. */
export const withPin = (choice: MetricChoice, metric: string): MetricChoice => ({
  ...choice,
  pinned: choice.pinned.includes(metric) ? choice.pinned.filter((one) => one !== metric) : [...choice.pinned, metric],
});

export const pinnedFirst = <C extends { id: string }>(charts: readonly C[], pinned: readonly string[]): C[] => [
  ...pinned.flatMap((metric) => charts.filter(({ id }) => id === metric)),
  ...charts.filter(({ id }) => !pinned.includes(id)),
];

const keyOf = (testbed: string): string => `mlsysops.metrics.${testbed}`;

export function readChoice(testbed: string, storage: Pick<Storage, 'getItem'> = localStorage): MetricChoice {
  try {
    const value: unknown = JSON.parse(storage.getItem(keyOf(testbed)) ?? 'null');
    if (typeof value !== 'object' || value === null) return noChoice;
    const strings = (list: unknown): string[] =>
      Array.isArray(list) ? list.filter((one): one is string => typeof one === 'string') : [];
    const { added, removed, pinned } = value as Record<string, unknown>;
    return { added: strings(added), removed: strings(removed), pinned: strings(pinned) };
  } catch {
    // What cannot be read was not written by us: the usual charts are shown.
    return noChoice;
  }
}

export const writeChoice = (testbed: string, choice: MetricChoice, storage: Pick<Storage, 'setItem'> = localStorage): void =>
  storage.setItem(keyOf(testbed), JSON.stringify(choice));
