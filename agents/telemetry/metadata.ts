import type { Metadata } from './openmetrics.ts';

/** Suffixes that are units in our metrics' names; longer ones first where one ends in another. */
const units = [
  'bytes_per_second',
  'packets_per_second',
  'g_per_kwh',
  'per_second',
  'bytes',
  'ratio',
  'seconds',
  'ms',
  'ghz',
  'celsius',
  'cores',
  'w',
  'j',
] as const;

const help: Record<string, string> = {
  cpu_used_ratio: 'Share of processor time that was used since the last reading',
  cpu_cores: 'Processors of the host, or those that its quota allows',
  cpu_frequency_ghz: 'Mean frequency of the processors now',
  cpu_frequency_max_ghz: 'Highest frequency of the processors',
  memory_used_bytes: 'Memory that could not be had at once',
  memory_total_bytes: 'Memory of the host, or its limit',
  swap_used_bytes: 'Memory swapped out',
  load_1m: 'Tasks running or waiting, averaged over a minute',
  pressure_cpu_ratio: 'Share of time in which some task waited for a processor',
  pressure_memory_ratio: 'Share of time in which some task waited for memory',
  pressure_io_ratio: 'Share of time in which some task waited for a disk',
  disk_read_bytes_per_second: 'Read from all disks',
  disk_write_bytes_per_second: 'Written to all disks',
  disk_busy_ratio: 'Share of time in which the busiest disk had a request under way',
  network_receive_bytes_per_second: 'Received by the interfaces that lead outside',
  network_transmit_bytes_per_second: 'Sent by the interfaces that lead outside',
  network_dropped_packets_per_second: 'Packets dropped by the interfaces that lead outside',
  temperature_celsius: "Hottest of the processor's sensors",
  power_w: 'Power of the host; the source says whether it was measured (power_meter, rapl) or comes from a model',
  battery_charge_ratio: "Charge of the host's batteries together",
  energy_j: 'Energy since the agent started; the source says whether it was measured (power_meter, rapl) or comes from a model',
  link_round_trip_ms: 'Round trip to the peer, median of a few probes',
  link_loss_ratio: 'Share of the probes to the peer that were not answered',
  link_throughput_bytes_per_second: 'What a short transfer from the peer reached',
  trust_level: 'How far the agent of its cluster trusts the node, 0–1, by identity, behaviour and capability',
  component_cpu_cores: 'Processors that the component used',
  component_cpu_throttled_ratio: "Share of its quota's periods in which the component was held back",
  component_memory_bytes: 'Memory of the component that could not be had at once',
  component_memory_limit_bytes: 'Most memory that the component may have',
  component_disk_read_bytes_per_second: 'Read from disks by the component',
  component_disk_write_bytes_per_second: 'Written to disks by the component',
};

/** What OpenMetrics wants to be told of a metric family besides its samples. Of an application's own metrics only the unit is known, by the name. */
export function metadataOf(family: string): Metadata {
  const unit = units.find((one) => family.endsWith(`_${one}`));
  const text = help[family];
  return { ...(unit !== undefined && { unit }), ...(text !== undefined && { help: text }) };
}
