import { readingOf } from '../state/headline.ts';
import type { Topology } from '../state/types.ts';

/** What is known of the link between two nodes; null for what nobody measured. */
export interface LinkFacts {
  roundTripMs: number | null;
  /** What a short transfer reached last. */
  throughputBytes: number | null;
  lossShare: number | null;
}

type Read = Pick<Topology, 'readings'>;

/** As either end measured it: each probes the other at its own times, the newer one counts. */
export function linkBetween(topology: Read, a: string, b: string): LinkFacts {
  const read = (metric: string): number | null => {
    const [one, other] = [reading(topology, metric, a, b), reading(topology, metric, b, a)];
    return (one && other ? (one.time >= other.time ? one : other) : (one ?? other))?.value ?? null;
  };
  return {
    roundTripMs: read('link_round_trip_ms'),
    throughputBytes: read('link_throughput_bytes_per_second'),
    lossShare: read('link_loss_ratio'),
  };
}

/** Readings of a link carry the peer in the place of a component: "worker-1 → worker-2". */
const reading = (topology: Read, metric: string, from: string, to: string) =>
  topology.readings[`${metric}|${from}|${from} → ${to}`];

/** Bytes a second that a node receives and sends now; null while it tells neither. */
export function trafficOf(topology: Topology, node: string): number | null {
  const received = readingOf(topology, 'network_receive_bytes_per_second', node);
  const sent = readingOf(topology, 'network_transmit_bytes_per_second', node);
  return received === null && sent === null ? null : (received?.value ?? 0) + (sent?.value ?? 0);
}

/** 1.5 to 3.5 px: a line that carries more is thicker, on a scale of powers of ten from 0.1 to 1,000 Mbit/s. */
export function strokeOf(bytesPerSecond: number | null): number {
  if (bytesPerSecond === null || bytesPerSecond <= 0) return 1.5;
  const decades = Math.log10((bytesPerSecond * 8) / 1e5);
  return 1.5 + Math.min(2, Math.max(0, decades / 2));
}
