import type { Series } from '../state/types.ts';

/** One line from the series of a metric at several places: at each moment the place that spoke; where two did, the later series. */
export function mergeByTime(series: readonly Series[]): [number, number | null][] {
  const points: [number, number | null][] = [];
  for (const one of series) {
    for (const [index, time] of one.times.entries()) points.push([time, one.values[index] ?? null]);
  }
  return points.sort((a, b) => a[0] - b[0]).filter(([, value], index, all) => value !== null || !isCovered(all, index));
}

/** A gap of one place is no gap while another place speaks. */
function isCovered(points: readonly [number, number | null][], index: number): boolean {
  const time = points[index]?.[0] ?? 0;
  const neighbour = (at: number) => points[at]?.[1] != null && Math.abs((points[at]?.[0] ?? 0) - time) < 15_000;
  return neighbour(index - 1) && neighbour(index + 1);
}
