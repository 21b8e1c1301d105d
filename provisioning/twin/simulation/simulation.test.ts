import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { camera, frameLatencyMs, slowdown } from './camera.ts';
import { PeopleInView } from './people.ts';
import { powerModels, powerW, voltageAt } from './power.ts';
import { seededRandom } from './random.ts';
import { SimulatedSignals } from './signals.ts';
import { type Workload, World } from './world.ts';

const start = Date.UTC(2026, 0, 1);
const node = (name: string, ghz: number) => ({
  name,
  cores: 4,
  ghz,
  memoryBytes: 4 * 2 ** 30,
  power: powerModels['Xeon E3-1220'],
  background: 0.03,
});
const part = (role: 'camera' | 'detector' | 'classifier', on: string, uid: string = role): Workload => ({
  uid,
  node: on,
  application: 'smart-camera',
  component: role,
  role,
  cores: 0,
  memoryBytes: 2 ** 26,
  serving: true,
});

/** Runs `seconds` of the world in steps of 100 ms and gives the latencies told. */
function run(world: World, from: number, seconds: number): number[] {
  const latencies: number[] = [];
  for (let i = 1; i <= seconds * 10; i++) {
    world.step(from + i * 100, 0.1);
    const latency = world.pipeline('smart-camera')?.latencyMs;
    if (latency !== null && latency !== undefined) latencies.push(latency);
  }
  return latencies;
}
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

describe('power', () => {
  test('is what the experiments measured', () => {
    const xeon = powerModels['Xeon E3-1220'];
    expect(powerW(xeon, 0, 3)).toBe(34.01);
    expect(powerW(xeon, 1, 3)).toBeCloseTo(18.98 * 1.075 ** 2 * 3 + 34.01, 9);
    for (const [ghz, volts] of xeon.points) expect(voltageAt(xeon, ghz)).toBeCloseTo(volts, 9);
    expect(voltageAt(xeon, 2.25)).toBeCloseTo((0.851 + 0.922) / 2, 9);
    expect(voltageAt(xeon, 3.6)).toBeGreaterThan(1.146);
    expect(voltageAt(xeon, 1.8)).toBeLessThan(0.851);
  });
});

describe('latency', () => {
  test('follows people, frequency and load as measured', () => {
    expect(frameLatencyMs(3, 1.8, 1, 0)).toBeCloseTo(camera.baseMs + 66, 9);
    expect(frameLatencyMs(3, 3.6, 1, 0)).toBeCloseTo(camera.baseMs + 33, 9);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 3, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (others, own) => {
        expect(slowdown(others, own)).toBeGreaterThanOrEqual(1);
        expect(slowdown(others + 0.1, own)).toBeGreaterThan(slowdown(others, own));
      }),
    );
  });

  test('violates 50 ms with three people on the slow node, and keeps it on the fast one, the same for the same seed', () => {
    const told = () => {
      const world = new World([node('worker-1', 1.8), node('worker-2', 3.6)], 7);
      world.put(part('camera', 'worker-1'));
      world.put(part('detector', 'worker-2'));
      world.put(part('classifier', 'worker-1'));
      const calm = run(world, start, 2);
      run(world, start + 2000, 2);
      const busy = run(world, start + 4000, 5);
      world.put(part('classifier', 'worker-2', 'newer'));
      world.remove('classifier');
      const moved = run(world, start + 9000, 5);
      return { calm, busy, moved };
    };
    const first = told();
    expect(median(first.calm)).toBeLessThan(40);
    expect(Math.min(...first.busy)).toBeGreaterThan(60);
    expect(Math.max(...first.moved)).toBeLessThan(50);
    expect(told()).toEqual(first);
  });

  test('is not told while a part is missing, and frames are lost meanwhile', () => {
    const world = new World([node('worker-1', 1.8)], 1);
    world.put(part('camera', 'worker-1'));
    world.put({ ...part('detector', 'worker-1'), serving: false });
    expect(run(world, start, 2)).toEqual([]);
    expect(world.pipeline('smart-camera')).toMatchObject({ frames: 0, latencyMs: null });
    expect(world.pipeline('smart-camera')!.dropped).toBeCloseTo(10, 6);
  });
});

test('a crowd of other work slows the classifier down and fills the node', async () => {
  const world = new World([node('worker-2', 3.6)], 3);
  for (const role of ['camera', 'detector', 'classifier'] as const) world.put(part(role, 'worker-2'));
  world.setPeople(3);
  const alone = median(run(world, start, 5));
  for (let i = 0; i < 4; i++)
    world.put({ ...part('camera', 'worker-2', `load-${i}`), application: '', role: undefined, cores: 1 });
  expect(median(run(world, start + 5000, 5))).toBeGreaterThan(alone + 15);
  const samples = await new SimulatedSignals(world, 'worker-2').read();
  expect(samples.every(({ source }) => source === 'simulated')).toBe(true);
  expect(samples.find(({ metric }) => metric === 'cpu_used_ratio')?.value).toBe(1);
  const cores = samples.filter(({ metric }) => metric === 'component_cpu_cores').reduce((sum, { value }) => sum + value, 0);
  expect(cores).toBeLessThanOrEqual(4);
});

test('people come by the script, then by chance around the usual number, never fewer than none', () => {
  const people = new PeopleInView(seededRandom(11), start);
  expect([0, 2999, 3000, 59_999].map((ms) => people.at(start + ms))).toEqual([1, 1, 3, 3]);
  const seen = Array.from({ length: 12 * 3600 }, (_, second) => people.at(start + 60_000 + second * 1000));
  expect(Math.min(...seen)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...seen)).toBeLessThanOrEqual(14);
  expect([3, 4]).toContain(median(seen));
  people.fix(9);
  expect(people.at(start + 12 * 3600 * 1000 + 60_000)).toBe(9);
});
