import { expect, test } from 'vitest';
import { setLeastEnergy } from './least-energy.ts';
import { powerModels } from './simulation/power.ts';
import { frequenciesOf } from './simulation/processors.ts';
import { World } from './simulation/world.ts';

const start = Date.UTC(2026, 0, 1);
const targetMs = 50;

test('the oracle finds what trying all frequencies of all nodes finds, and the highest where none keep the target', () => {
  const node = (name: string, ghz: number, background: number) => ({
    name,
    cores: 4,
    ghz,
    memoryBytes: 2 ** 32,
    power: powerModels['Xeon E3-1220'],
    background,
  });
  const world = new World([node('front', 1.8, 0.03), node('idle', 3.6, 0.06), node('server', 5.4, 0.06)], 3);
  for (const [role, on] of [
    ['camera', 'front'],
    ['detector', 'front'],
    ['classifier', 'server'],
  ] as const)
    world.put({ uid: role, node: on, application: 'app', component: role, role, cores: 0, memoryBytes: 2 ** 26, serving: true });
  world.step(start + 1000, 1);
  const watts = () => world.powerW.reduce((sum, one) => sum + one, 0);
  const latencyMs = () => world.pipeline('app')!.latencyMs!;
  const [first, second, third] = world.names.map((name) => frequenciesOf(world.node(name)));
  const bruteForce = (): number => {
    let least = Number.POSITIVE_INFINITY;
    for (const front of first!)
      for (const idle of second!)
        for (const server of third!) {
          world.setFrequency('front', front);
          world.setFrequency('idle', idle);
          world.setFrequency('server', server);
          if (latencyMs() <= targetMs) least = Math.min(least, watts());
        }
    return least;
  };
  const found: (number | 'none')[] = [];
  for (let people = 0; people <= 7; people++) {
    world.setPeople(people);
    const least = bruteForce();
    setLeastEnergy(world, { application: 'app', node: 'server', targetMs, room: 0 });
    if (latencyMs() <= targetMs) expect(watts()).toBeCloseTo(least, 9);
    else expect([least, world.frequencyOf('front'), world.frequencyOf('server')]).toEqual([Number.POSITIVE_INFINITY, 1.8, 5.4]);
    found.push(latencyMs() <= targetMs ? world.frequencyOf('server') : 'none');
  }
  // More people take more, until there is nothing that is enough.
  const kept = found.filter((one) => one !== 'none');
  expect(kept).toEqual(kept.toSorted((a, b) => a - b));
  expect(new Set(kept).size).toBeGreaterThan(2);
  expect(found.slice(0, 5)).not.toContain('none');
  expect(found.at(-1)).toBe('none');
});
