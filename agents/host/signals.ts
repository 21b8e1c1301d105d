import type { z } from 'zod';
import type { Sample } from '../bus/messages.ts';
import type { trackedComponentSchema } from '../bus/requests.ts';

/** What a node agent can read of its host. On Linux from /proc and cgroups; in the twin from the simulation. */
export interface HostSignals {
  /**
   * Readings, rates since the last call. Of the host: cpu_used_ratio (0–1) and cpu_<mode>_ratio, cpu_frequency_ghz, memory_used_bytes, memory_total_bytes,
   * swap_used_bytes, load_1m, pressure_{cpu,memory,io}_ratio, disk_{read,write}_bytes_per_second, disk_busy_ratio, network_{receive,transmit}_bytes_per_second,
   * network_dropped_packets_per_second, temperature_celsius, battery_charge_ratio, power_w and energy_j where known (source "power_meter", "rapl" or "model"). Of each component: component_cpu_cores,
   * component_cpu_throttled_ratio, component_memory_bytes, component_memory_limit_bytes, component_disk_{read,write}_bytes_per_second, and the application's own metrics.
   */
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
