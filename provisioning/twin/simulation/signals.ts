import type { Sample } from '../../../agents/bus/messages.ts';
import type { HostDescription, HostSignals } from '../../../agents/host/signals.ts';
import type { World } from './world.ts';

const source = 'simulated';

/** What a node agent reads of a simulated host. Every sample says that it is simulated. */
export class SimulatedSignals implements HostSignals {
  readonly #world: World;
  readonly #node: string;

  constructor(world: World, node: string) {
    this.#world = world;
    this.#node = node;
  }

  async read(): Promise<Sample[]> {
    const world = this.#world;
    const at = world.indexOf(this.#node);
    const { memoryBytes } = world.node(this.#node);
    const own: [string, number][] = [
      ['cpu_used_ratio', world.used[at]!],
      ['memory_used_bytes', world.memoryUsed[at]!],
      ['memory_total_bytes', memoryBytes],
      ['load_1m', world.load1m(this.#node)],
      ['network_receive_bytes_per_second', world.received[at]!],
      ['network_transmit_bytes_per_second', world.sent[at]!],
      ['power_w', world.powerW[at]!],
      ['cpu_frequency_ghz', world.frequencyOf(this.#node)],
    ];
    return [...own.map(([metric, value]) => ({ metric, value, source })), ...this.#components()];
  }

  async describe(): Promise<HostDescription> {
    const { name, cores, ghz, memoryBytes } = this.#world.node(this.#node);
    return {
      hostname: name,
      architecture: 'amd64',
      cpuModel: 'simulated',
      cores,
      frequencyGHz: [Math.min(1, ghz), ghz],
      memoryBytes,
    };
  }

  #components(): Sample[] {
    return this.#world.workloadsOn(this.#node).flatMap((workload): Sample[] => {
      const { application, component, role, uid, memoryBytes } = workload;
      const of = (metric: string, value: number): Sample => ({ metric, value, application, component, source });
      const samples = [of('component_cpu_cores', this.#world.coresOf(uid)), of('component_memory_bytes', memoryBytes)];
      const pipeline = this.#world.pipeline(application);
      if (!role || !pipeline || !this.#world.isWorking(uid)) return samples;
      samples.push(of('people_in_view', pipeline.people), of('frames_total', Math.floor(pipeline.frames)));
      if (role === 'camera') samples.push(of('frames_dropped_total', Math.floor(pipeline.dropped)));
      const personMs = this.#world.personMs(uid);
      if (personMs !== null) samples.push(of('person_classify_latency_ms', personMs));
      if (role === 'classifier' && pipeline.latencyMs !== null) samples.push(of('frame_classify_latency_ms', pipeline.latencyMs));
      return samples;
    });
  }
}
