import { expect, test } from 'vitest';
import { cameraBehaviours } from '../behaviour.ts';
import { powerModels } from '../power.ts';
import { SimulatedSignals } from '../signals.ts';
import { World } from '../world.ts';
import { soundLevelDb, startSound } from './sound.ts';

const start = Date.UTC(2026, 0, 1);
const sorted = (values: number[]) => values.toSorted((a, b) => a - b);
const median = (values: number[]) => sorted(values)[Math.floor(values.length / 2)]!;
const levels = (inView: number, isApproached = false, seed = 1) =>
  Array.from({ length: 3600 }, (_, second) =>
    soundLevelDb({ seed, node: 'post', now: start + 1000 * second, inView, isApproached }),
  );

test('is that of a quiet street at night, louder the more people pass, and loud now and then without any', () => {
  const quiet = levels(0);
  expect(median(quiet)).toBeGreaterThan(36);
  expect(median(quiet)).toBeLessThan(40);
  // Cars: a few seconds in a hundred.
  const loud = quiet.filter((db) => db > 60).length / quiet.length;
  expect(loud).toBeGreaterThan(0.005);
  expect(loud).toBeLessThan(0.08);
  const medians = [0, 1, 2, 5].map((people) => median(levels(people)));
  expect(medians).toEqual(sorted(medians));
  expect(medians[1]! - medians[0]!).toBeGreaterThan(2);
  // One speaks at a few metres.
  expect(median(levels(5))).toBeLessThan(57);
  expect(median(levels(0, true))).toBeGreaterThan(median(quiet));
  expect(levels(1, false, 1)).toEqual(levels(1, false, 1));
  expect(levels(1, false, 1)).not.toEqual(levels(1, false, 2));
});

test('is telemetry of nodes with a microphone, of who is there whether the camera looks or not', async () => {
  const node = (name: string) => ({
    name,
    cores: 4,
    ghz: 2.4,
    memoryBytes: 2 ** 32,
    power: powerModels['X-Gene2'],
    background: 0.03,
  });
  const world = new World([node('post'), node('server')], 5);
  startSound(world, ['post']);
  world.describe((_, component) => (component === 'camera' ? { ...cameraBehaviours.camera, deviceW: 2.5 } : undefined));
  const put = (role: 'camera' | 'detector' | 'classifier') =>
    world.put({
      uid: role,
      node: 'post',
      application: 'app',
      component: role,
      role,
      cores: 0,
      memoryBytes: 2 ** 26,
      serving: true,
    });
  for (const role of ['camera', 'detector', 'classifier'] as const) put(role);
  let now = start;
  const second = async () => {
    now += 1000;
    world.step(now, 1);
    const read = async (name: string) =>
      (await new SimulatedSignals(world, name).read()).find(({ metric }) => metric === 'sound_level_db');
    expect(await read('server')).toBeUndefined();
    return (await read('post'))!;
  };
  expect((await second()).source).toBe('simulated');
  expect(world.near('post', 0).inView).toBe(1);
  expect(world.near('server', 0).inView).toBe(0);
  const lookingW = world.powerW[0]!;
  world.remove('camera');
  await second();
  // Its device's 2.5 W, and some work.
  expect(lookingW - world.powerW[0]!).toBeGreaterThan(2.5);
  expect(lookingW - world.powerW[0]!).toBeLessThan(3.5);
  const seen: number[] = [];
  let approached = 0;
  for (let i = 0; i < 600; i++) {
    const near = world.near('post', 3000);
    await second();
    if (near.isApproached) approached++;
    seen.push(world.near('post', 0).inView);
  }
  // They come and go though nobody looks; the pipeline sees none of them.
  expect(new Set(seen).size).toBeGreaterThan(2);
  expect(approached).toBeGreaterThan(20);
  expect(world.pipeline('app')!.people).toBe(0);
  put('camera');
  await second();
  expect(world.pipeline('app')!.people).toBe(world.near('post', 0).inView);
  world.setPeople(4);
  expect(world.near('post', 3000)).toEqual({ inView: 4, isApproached: false });
});
