import { expect, test } from 'vitest';
import { powerModels } from './power.ts';
import { World } from './world.ts';

/** What the framework's smart-city experiment measured over 12 hours. */
const published = { interceptMs: 10, slopeMs: 22, overTarget: 0.8, aloneMedianMs: 21.8, aloneP95Ms: 28.7 };
const targetMs = 50;
const start = Date.UTC(2026, 0, 1);

const quantile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(share * values.length)]!;
const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** 12 hours of the camera pipeline where nothing moves, read once a second; the first minute is its script. */
function hours(seed: number) {
  const power = powerModels['Xeon E3-1220'];
  const world = new World([{ name: 'worker-1', cores: 4, ghz: 1.8, memoryBytes: 2 ** 32, power, background: 0.03 }], seed);
  for (const role of ['camera', 'detector', 'classifier'] as const)
    world.put({
      uid: role,
      node: 'worker-1',
      application: 'smart-camera',
      component: role,
      role,
      cores: 0,
      memoryBytes: 2 ** 26,
      serving: true,
    });
  const people: number[] = [];
  const latencies: number[] = [];
  const alone: number[] = [];
  for (let second = 1; second <= 12 * 3600; second++) {
    world.step(start + second * 1000, 1);
    const seen = world.pipeline('smart-camera')!;
    if (second <= 60 || seen.latencyMs === null) continue;
    people.push(seen.people);
    latencies.push(seen.latencyMs);
    const personMs = world.personMs('classifier');
    if (personMs !== null) alone.push(personMs);
  }
  return { people, latencies, alone };
}

test('the camera pipeline reproduces what was measured within 10 %: the line over people, the share over target, the classifier alone', () => {
  const within = (value: number, wanted: number) => {
    expect(value).toBeGreaterThan(0.9 * wanted);
    expect(value).toBeLessThan(1.1 * wanted);
  };
  for (const seed of [101, 102, 103]) {
    const { people, latencies, alone } = hours(seed);
    expect(latencies.length).toBe(12 * 3600 - 60);
    // Least squares.
    const [x, y] = [mean(people), mean(latencies)];
    const slope =
      people.reduce((sum, value, i) => sum + (value - x) * (latencies[i]! - y), 0) /
      people.reduce((sum, value) => sum + (value - x) ** 2, 0);
    within(slope, published.slopeMs);
    within(y - slope * x, published.interceptMs);
    within(latencies.filter((value) => value > targetMs).length / latencies.length, published.overTarget);
    within(quantile(alone, 0.5), published.aloneMedianMs);
    within(quantile(alone, 0.95), published.aloneP95Ms);
    expect([3, 4]).toContain(quantile(people, 0.5));
    expect(Math.max(...people)).toBeLessThanOrEqual(14);
    expect(Math.max(...people)).toBeGreaterThanOrEqual(9);
  }
});
