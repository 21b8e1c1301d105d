import type { z } from 'zod';
import type { Sample } from '../bus/messages.ts';
import type { trackedComponentSchema } from '../bus/requests.ts';

/** What a node agent can read of its host. On Linux from /proc and cgroups; in the twin from the simulation. */
export interface HostSignals {
  /** Readings since the last call: cpu_used_ratio (0–1), memory_used_bytes, memory_total_bytes, load_1m, network_receive_bytes_per_second,
   *  network_transmit_bytes_per_second, power_w where known; per component component_cpu_cores, component_memory_bytes, and the application's own metrics. */
  read(): Promise<Sample[]>;
  /** Facts that do not change while the agent runs. */
  describe(): Promise<HostDescription>;
}

export type TrackedComponent = z.infer<typeof trackedComponentSchema>;

/** Signals that must be told which components run on the host; the twin's know it of themselves. */
export interface ComponentTracking {
  track(components: TrackedComponent[]): void;
}

export interface HostDescription {
  hostname: string;
  architecture: string;
  cpuModel: string;
  cores: number;
  /** GHz, lowest and highest; empty when the kernel does not tell. */
  frequencyGHz: number[];
  memoryBytes: number;
}

/** What a node agent can set on its host. An option the host lacks is absent, never silently accepted. */
export interface HostControl {
  options(): Promise<{ name: string; values: string[] }[]>;
  set(name: string, value: string): Promise<void>;
}
