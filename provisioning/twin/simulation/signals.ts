import type { Sample } from '../../../agents/bus/messages.ts';
import type { HostDescription, HostSignals } from '../../../agents/host/signals.ts';
import { frequenciesOf } from './processors.ts';
import type { Reading, World } from './world.ts';

const source = 'simulated';
/** Between two looks at the links. */
const probeMs = 10_000;

/** What a node agent reads of a simulated host. Every sample says that it is simulated. */
export class SimulatedSignals implements HostSignals {
  readonly #world: World;
  readonly #node: string;

  /** Whom it probes. */
  readonly #peers: readonly string[];
  #probeAt = Number.NEGATIVE_INFINITY;

  constructor(world: World, node: string, peers: readonly string[] = []) {
    this.#world = world;
    this.#node = node;
    this.#peers = peers;
  }

  async read(): Promise<Sample[]> {
    const world = this.#world;
    const at = world.indexOf(this.#node);
    const samples: Sample[] = [
      { metric: 'cpu_used_ratio', value: world.used[at]!, source },
      { metric: 'memory_used_bytes', value: world.memoryUsed[at]!, source },
      { metric: 'memory_total_bytes', value: world.machines.specs[at]!.memoryBytes, source },
      { metric: 'load_1m', value: world.load1m(this.#node), source },
      { metric: 'network_receive_bytes_per_second', value: world.received[at]!, source },
      { metric: 'network_transmit_bytes_per_second', value: world.sent[at]!, source },
      { metric: 'power_w', value: world.powerW[at]!, source },
      { metric: 'cpu_frequency_ghz', value: world.machines.ghz[at]!, source },
    ];
    for (const [metric, value] of world.readings(this.#node)) samples.push({ metric, value, source });
    samples.push(...this.#components(), ...this.#links());
    return samples;
  }

  async describe(): Promise<HostDescription> {
    const spec = this.#world.node(this.#node);
    const { name, cores, memoryBytes, architecture = 'amd64', model = 'simulated' } = spec;
    const frequencies = frequenciesOf(spec);
    return {
      hostname: name,
      architecture,
      cpuModel: model,
      cores,
      frequencyGHz: [frequencies[0]!, frequencies.at(-1)!],
      memoryBytes,
    };
  }

  /** The links to its peers, as lightly probed as on a testbed. */
  #links(): Sample[] {
    const { now } = this.#world;
    if (!(now >= this.#probeAt)) return [];
    this.#probeAt = now + probeMs;
    return this.#peers.flatMap((peer) => {
      const seen = this.#world.probe(this.#node, peer);
      const readings: Reading[] = seen
        ? [
            ['link_round_trip_ms', seen.roundTripMs],
            ['link_loss_ratio', seen.loss],
            ['link_throughput_bytes_per_second', seen.freeBytesPerSecond],
          ]
        : [['link_loss_ratio', 1]];
      return readings.map(([metric, value]) => ({ metric, value, peer, source }));
    });
  }

  #components(): Sample[] {
    return this.#world.workloadsOn(this.#node).flatMap((workload): Sample[] => {
      const { application, component, uid, memoryBytes } = workload;
      const of = (metric: string, value: number): Sample => ({ metric, value, application, component, source });
      const throttled = this.#world.throttledOf(uid);
      return [
        of('component_cpu_cores', this.#world.coresOf(uid)),
        of('component_memory_bytes', memoryBytes),
        ...(throttled === null ? [] : [of('component_cpu_throttled_ratio', throttled)]),
        ...this.#world.toldBy(uid).map(([metric, value]) => of(metric, value)),
      ];
    });
  }
}
