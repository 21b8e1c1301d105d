import { quantile } from '../../../agents/telemetry/window.ts';
import { Network } from '../simulation/network.ts';
import type { Topology } from '../simulation/world.ts';
import type { ParameterBook } from './parameters.ts';
import type { Past } from './past.ts';

const usual = { latencyMs: 0.1, bytesPerSecond: 125_000_000, loss: 0 } as const;
const unknown = 'its links are not probed';

/** The nodes of a cluster around one switch, each with the link that its probes of its peers speak of. */
export function networkOf(names: readonly string[], past: Past, book: ParameterBook): Topology {
  const network = new Network();
  const middle = network.addPlace();
  const probes = new Map(names.map((name) => [name, probesOf(name, names, past)]));
  const places = names.map((name) => {
    const { roundTrips, losses, throughputs } = probes.get(name)!;
    const place = network.addPlace();
    // A round trip goes over both ends' links twice. The nearest peer's own share is what its nearest peer makes it out to be.
    const latencies = [...roundTrips].map(([peer, roundTripMs]) => roundTripMs / 2 - nearest(probes.get(peer)?.roundTrips) / 4);
    const measured = latencies.length > 0;
    const latencyMs = measured ? Math.max(0.01, Math.min(...latencies)) : usual.latencyMs;
    const origin = measured ? 'measured' : 'assumed';
    const source = measured ? `probes of ${[...roundTrips.keys()].slice(0, 3).join(', ')}` : unknown;
    book.set(name, { name: 'Latency of its link', value: latencyMs, unit: 'ms', origin, source });
    // As if it were all lost on this node's link, there and back.
    const loss = losses.length > 0 ? Math.min(0.5, Math.min(...losses) / 2) : usual.loss;
    book.set(name, {
      name: 'Loss on its link',
      value: loss,
      unit: 'share',
      origin: losses.length > 0 ? 'measured' : 'assumed',
      source,
    });
    const bytesPerSecond = throughputs.length > 0 ? Math.max(1000, ...throughputs) : usual.bytesPerSecond;
    book.set(name, {
      name: 'Bandwidth of its link',
      value: (8 * bytesPerSecond) / 1e6,
      unit: 'Mbit/s',
      origin: throughputs.length > 0 ? 'measured' : 'assumed',
      source: throughputs.length > 0 ? source : 'no transfer over its link was timed',
    });
    network.connect(place, middle, { latencyMs, bytesPerSecond, loss });
    return place;
  });
  return { network, places };
}

interface Probes {
  /** Median by peer, ms. */
  roundTrips: Map<string, number>;
  losses: number[];
  throughputs: number[];
}

const nearest = (roundTrips: ReadonlyMap<string, number> | undefined): number =>
  roundTrips && roundTrips.size > 0 ? Math.min(...roundTrips.values()) : 0;

function probesOf(name: string, names: readonly string[], past: Past): Probes {
  const medians = (metric: string): [peer: string, value: number][] =>
    past.find({ metric, node: name }).flatMap(({ peer, values }): [string, number][] => {
      const value = quantile(values, 0.5);
      return peer === undefined || value === undefined || !names.includes(peer) ? [] : [[peer, value]];
    });
  return {
    roundTrips: new Map(medians('link_round_trip_ms')),
    losses: medians('link_loss_ratio').map(([, value]) => value),
    throughputs: medians('link_throughput_bytes_per_second').map(([, value]) => value),
  };
}
