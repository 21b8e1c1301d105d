/** Unit of a metric by the suffix that OpenMetrics wants in its name; "" for counts. */
export function unitOf(metric: string): string {
  return suffixes.find(([suffix]) => metric.endsWith(suffix))?.[1] ?? '';
}

/** Longest first, since "_bytes_per_second" ends as "_second" does. */
const suffixes: readonly (readonly [string, string])[] = [
  ['_bytes_per_second', 'bytes/s'],
  ['_per_second', '1/s'],
  ['_bytes', 'bytes'],
  ['_ratio', 'ratio'],
  ['_seconds', 's'],
  ['_cores', 'cores'],
  ['_joules', 'J'],
  ['_j', 'J'],
  ['_celsius', '°C'],
  ['_g_per_kwh', 'g/kWh'],
  ['_ghz', 'GHz'],
  ['_ms', 'ms'],
  ['_w', 'W'],
  ['people_in_view', 'people'],
];
