import type { Topology } from '../../../renderer/state/types.ts';

/** DOUBLE: the course of a day at a demo testbed, as pure functions of time. Nothing of it was measured. */
const minute = 60_000;

/** People in view, stepping as visitors come and go; the last group came 4 min before `now`. */
export function peopleAt(time: number, now: number): number {
  const ago = (now - time) / minute;
  if (ago < 4.5) return 3;
  if (ago < 8) return 2;
  if (ago > 14 && ago < 17) return 2;
  if (ago > 23 && ago < 25) return 2;
  return 1;
}

/** The classifier moved 3 min ago. */
export const movedAgo = 3 * minute;
export const placeAt = (time: number, now: number): string => (now - time < movedAgo ? 'worker-2' : 'worker-1');

/** Deterministic noise in −1…1. */
export function noise(time: number, salt: number): number {
  const x = Math.sin(Math.floor(time / 1000) * 12.9898 + salt * 78.233) * 43_758.5453;
  return 2 * (x - Math.floor(x)) - 1;
}

export function latencyAt(time: number, now: number): number {
  const slope = placeAt(time, now) === 'worker-1' ? 22 : 11;
  return 10 + slope * peopleAt(time, now) + 1.2 * noise(time, 1);
}

export const nodes: Topology['nodes'] = [
  {
    name: 'management',
    cluster: 'management',
    role: 'management',
    address: '10.0.4.10',
    ready: true,
    cores: 4,
    frequencyGHz: 3.2,
    memoryBytes: 6 * 2 ** 30,
  },
  {
    name: 'master-1',
    cluster: 'cluster1',
    role: 'master',
    address: '10.0.4.11',
    ready: true,
    cores: 4,
    frequencyGHz: 3.2,
    memoryBytes: 6 * 2 ** 30,
  },
  {
    name: 'worker-1',
    cluster: 'cluster1',
    role: 'worker',
    address: '10.0.4.12',
    ready: true,
    cores: 4,
    frequencyGHz: 1.8,
    memoryBytes: 6 * 2 ** 30,
  },
  {
    name: 'worker-2',
    cluster: 'cluster1',
    role: 'worker',
    address: '10.0.4.13',
    ready: true,
    cores: 4,
    frequencyGHz: 3.6,
    memoryBytes: 6 * 2 ** 30,
  },
];

/** Value of a metric of a node at a time; undefined where there is none. */
export function readingAt(metric: string, node: string, time: number, now: number): number | undefined {
  const index = nodes.findIndex((one) => one.name === node);
  const here = placeAt(time, now) === node ? 1 : 0;
  const cpu = [0.34, 0.22, 0.3, 0.14][index] ?? 0;
  const load = cpu + here * peopleAt(time, now) * (node === 'worker-1' ? 0.19 : 0.1) + 0.03 * noise(time, index + 2);
  switch (metric) {
    case 'cpu_used_ratio':
      return Math.min(1, load);
    case 'power_w':
      return ([10.2, 11, 5.4, 17.2][index] ?? 0) + 8 * load + 0.3 * noise(time, index + 8);
    case 'memory_used_bytes':
      return ([3.1, 2.2, 1.6, 1.4][index] ?? 0) * 2 ** 30 + here * 0.26 * 2 ** 30 + 2e7 * noise(time, index + 20);
    case 'memory_total_bytes':
      return 6 * 2 ** 30;
    case 'network_receive_bytes_per_second':
      return (([0.4, 0.4, 2.9, 0.5][index] ?? 0) + here * 1.8 + 0.1 * noise(time, index + 30)) * 1e6;
    case 'network_transmit_bytes_per_second':
      return (([0.5, 0.3, 1.1, 0.4][index] ?? 0) + here * 0.7 + 0.1 * noise(time, index + 40)) * 1e6;
    default:
      return undefined;
  }
}

export const hostMetrics = [
  'cpu_used_ratio',
  'power_w',
  'memory_used_bytes',
  'memory_total_bytes',
  'network_receive_bytes_per_second',
  'network_transmit_bytes_per_second',
];
