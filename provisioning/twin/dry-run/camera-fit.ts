import { quantile } from '../../../agents/telemetry/window.ts';
import { camera } from '../simulation/camera.ts';
import { type Past, valueAt } from './past.ts';

/** What of a smart camera's latency is there without people, and what each of them costs at the reference frequency, ms. */
export interface CameraFit {
  baseMs: number;
  perPersonMs: number;
  source: string;
}

const togetherMs = 1500;
/** Of one number of people on one node: fewer readings say little. */
const enoughReadings = 5;

/**
 * The line latency = base + perPerson × people × reference/frequency through the medians of what was read, by least squares weighted by readings. With one
 * number of people alone, the published base is kept. Undefined where nobody was in view, or nothing fits.
 */
export function fitCamera(past: Past, application: string, ghzOf: (node: string) => number): CameraFit | undefined {
  const cells = new Map<string, { x: number; latencies: number[] }>();
  for (const latency of past.find({ metric: 'frame_classify_latency_ms', application })) {
    const people = past.find({ metric: 'people_in_view', application, node: latency.node });
    const [ghz] = past.find({ metric: 'cpu_frequency_ghz', node: latency.node });
    for (const [index, time] of latency.times.entries()) {
      const seen = people.map((series) => valueAt(series, time, togetherMs)).find((value) => value !== undefined);
      // Means over a step in which people came or went belong to no number of them.
      if (seen === undefined || !Number.isInteger(seen)) continue;
      const frequency = (ghz && valueAt(ghz, time, togetherMs)) || ghzOf(latency.node);
      const x = (seen * camera.referenceGHz) / frequency;
      const key = x.toFixed(2);
      const cell = cells.get(key) ?? { x, latencies: [] };
      cell.latencies.push(latency.values[index]!);
      cells.set(key, cell);
    }
  }
  const points = [...cells.values()]
    .filter(({ latencies }) => latencies.length >= enoughReadings)
    .map(({ x, latencies }) => ({ x, weight: latencies.length, y: quantile(latencies, 0.5)! }));
  const readings = points.reduce((sum, { weight }) => sum + weight, 0);
  if (points.length === 0) return undefined;
  const meanX = points.reduce((sum, { x, weight }) => sum + x * weight, 0) / readings;
  const meanY = points.reduce((sum, { y, weight }) => sum + y * weight, 0) / readings;
  const variance = points.reduce((sum, { x, weight }) => sum + weight * (x - meanX) ** 2, 0);
  if (points.length > 1 && variance > 0) {
    const slope = points.reduce((sum, { x, y, weight }) => sum + weight * (x - meanX) * (y - meanY), 0) / variance;
    const base = meanY - slope * meanX;
    if (slope > 0 && base >= 0)
      return { baseMs: base, perPersonMs: slope, source: `line through ${readings} readings of latency over people in view` };
  }
  const perPersonMs = (meanY - camera.baseMs) / meanX;
  if (!(meanX > 0) || !(perPersonMs > 0)) return undefined;
  return { baseMs: camera.baseMs, perPersonMs, source: `median of ${readings} readings of latency, the base as published` };
}
