import type { Series } from '../../state/types.ts';

/** Links are probed every 10 s or more seldom, one peer after the other: what was told within this time is one round. */
const roundMs = 10_000;
/** So many rounds without an answer are a gap, not patience. */
export const linkEveryMs = 6 * roundMs;

export const isLinkMetric = (metric: string): boolean => metric.startsWith('link_');

/** The worst link of a node tells how it is connected: the slowest round trip, the greatest loss, the least throughput. */
const worst = (metric: string) => (metric.includes('throughput') ? Math.min : Math.max);
const worstWords: Record<string, string> = {
  link_round_trip_ms: 'slowest peer',
  link_loss_ratio: 'worst peer',
  link_throughput_bytes_per_second: 'slowest peer',
};
export const linkWords = (metric: string): string => worstWords[metric] ?? 'of all peers';

/** One line from the links of a node to each of its peers: at each round its worst one. Times in ms, values in the metric's unit. */
export function worstLink(
  metric: string,
  links: readonly Pick<Series, 'times' | 'values'>[],
): { times: number[]; values: (number | null)[] } {
  const rounds = new Map<number, number>();
  for (const { times, values } of links)
    for (const [index, time] of times.entries()) {
      const value = values[index];
      if (value === null || value === undefined) continue;
      const round = Math.floor(time / roundMs) * roundMs;
      const known = rounds.get(round);
      rounds.set(round, known === undefined ? value : worst(metric)(known, value));
    }
  const line: { times: number[]; values: (number | null)[] } = { times: [], values: [] };
  for (const [time, value] of [...rounds].sort(([a], [b]) => a - b)) {
    const last = line.times.at(-1);
    if (last !== undefined && time - last > linkEveryMs) {
      line.times.push(last + roundMs);
      line.values.push(null);
    }
    line.times.push(time);
    line.values.push(value);
  }
  return line;
}
