import type { ApplicationStatus, Topology } from './types.ts';

/** The one figure of a testbed: the first QoS target of its first application, and how it stands. */
export interface Headline {
  application: string;
  cluster: string;
  metric: string;
  unit: string;
  target: number;
  relation: string;
  /** Latest reading; null while there is none. */
  value: number | null;
  time: number | null;
  node: string | null;
  component: string | null;
  met: boolean | null;
}

export interface Reading {
  metric: string;
  node: string;
  component: string;
  value: number;
  time: number;
}

const parsed = new WeakMap<Topology['readings'], Reading[]>();

/** Readings are keyed "metric|node|component". Taken apart once a picture: of a thousand nodes there are many. */
export function parseReadings({ readings }: Pick<Topology, 'readings'>): Reading[] {
  const known = parsed.get(readings);
  if (known) return known;
  const list = Object.entries(readings).map(([key, reading]) => {
    const [metric = '', node = '', component = ''] = key.split('|');
    return { metric, node, component, ...reading };
  });
  parsed.set(readings, list);
  return list;
}

export function readingOf(
  topology: Topology,
  metric: string,
  node: string,
  component = '',
): { value: number; time: number } | null {
  return topology.readings[`${metric}|${node}|${component}`] ?? null;
}

/** The newest reading of a metric anywhere: after a move, the new place speaks. */
export function newestReading(topology: Topology, metric: string): Reading | null {
  let newest: Reading | null = null;
  for (const reading of parseReadings(topology)) {
    if (reading.metric === metric && (!newest || reading.time > newest.time)) newest = reading;
  }
  return newest;
}

/** @param relation as applications write it: lower_or_equal, lower, greater_or_equal, greater, equal… */
export function meets(value: number, relation: string, target: number): boolean {
  switch (relation) {
    case 'lower_or_equal':
    case 'lower_equal':
      return value <= target;
    case 'lower':
    case 'lower_than':
      return value < target;
    case 'greater_or_equal':
    case 'greater_equal':
      return value >= target;
    case 'greater':
    case 'greater_than':
      return value > target;
    default:
      return value === target;
  }
}

/** The target is a ceiling: being over it is the departure. */
export const isCeiling = (relation: string): boolean => relation.startsWith('lower');

const headlines = new WeakMap<Topology, Headline | null>();

export function headlineOf(topology: Topology): Headline | null {
  const known = headlines.get(topology);
  if (known !== undefined) return known;
  const headline = findHeadline(topology);
  headlines.set(topology, headline);
  return headline;
}

function findHeadline(topology: Topology): Headline | null {
  const application: ApplicationStatus | undefined = topology.applications.find((candidate) => candidate.targets.length > 0);
  const target = application?.targets[0];
  if (!application || !target) return null;
  const reading = newestReading(topology, target.metric);
  return {
    application: application.application,
    cluster: application.cluster,
    ...target,
    value: reading?.value ?? null,
    time: reading?.time ?? null,
    node: reading?.node ?? null,
    component: reading?.component ?? null,
    met: reading ? meets(reading.value, target.relation, target.target) : null,
  };
}
