import { expect, test } from 'vitest';
import { setLeastEnergy } from './least-energy.ts';
import { powerModels } from './simulation/power.ts';
import { frequenciesOf } from './simulation/processors.ts';
import { World } from './simulation/world.ts';

const start = Date.UTC(2026, 0, 1);
const targetMs = 50;

const node = (name: string, ghz: number, background: number) => ({
  name,
  cores: 4,
  ghz,
  memoryBytes: 2 ** 32,
  power: powerModels['Xeon E3-1220'],
  background,
});

/** The evaluation's workers with the camera's pipeline; where the classifier is. */
function workers(classifier: string) {
  const world = new World([node('worker-1', 1.8, 0.03), node('worker-2', 3.6, 0.06), node('worker-3', 5.4, 0.06)], 3);
  for (const [role, on] of [
    ['camera', 'worker-1'],
    ['detector', 'worker-1'],
    ['classifier', classifier],
  ] as const)
    world.put({ uid: role, node: on, application: 'app', component: role, role, cores: 0, memoryBytes: 2 ** 26, serving: true });
  world.step(start + 1000, 1);
  const watts = () => world.powerW.reduce((sum, one) => sum + one, 0);
  const isKept = () => world.pipeline('app')!.latencyMs! <= targetMs;
  const [first, second, third] = world.names.map((name) => frequenciesOf(world.node(name)));
  /** Infinity where no frequencies keep the target. */
  const bruteForceW = (): number => {
    let least = Number.POSITIVE_INFINITY;
    for (const one of first!)
      for (const two of second!)
        for (const three of third!) {
          world.setFrequency('worker-1', one);
          world.setFrequency('worker-2', two);
          world.setFrequency('worker-3', three);
          if (isKept()) least = Math.min(least, watts());
        }
    return least;
  };
  const highestW = (): number => {
    for (const name of world.names) world.setFrequency(name, world.node(name).ghz);
    return watts();
  };
  return { world, watts, isKept, bruteForceW, highestW };
}

test('the oracle finds what trying all frequencies of all nodes finds, and the highest where none keep the target', () => {
  const { world, watts, isKept, bruteForceW } = workers('worker-3');
  const found: (number | 'none')[] = [];
  for (let people = 0; people <= 7; people++) {
    world.setPeople(people);
    const least = bruteForceW();
    setLeastEnergy(world, { application: 'app', node: 'worker-3', targetMs, room: 0 });
    if (isKept()) expect(watts()).toBeCloseTo(least, 9);
    else
      expect([least, world.frequencyOf('worker-1'), world.frequencyOf('worker-3')]).toEqual([Number.POSITIVE_INFINITY, 1.8, 5.4]);
    found.push(isKept() ? world.frequencyOf('worker-3') : 'none');
  }
  // More people take more, until there is nothing that is enough.
  const kept = found.filter((one) => one !== 'none');
  expect(kept).toEqual(kept.toSorted((a, b) => a - b));
  expect(new Set(kept).size).toBeGreaterThan(2);
  expect(found.slice(0, 5)).not.toContain('none');
  expect(found.at(-1)).toBe('none');
});

/** What docs/policies.md says of how much there is to save: as many people as the scenario has on the mean (Poisson), without chance in latencies. */
test('of the QoS policy’s energy less than 10 % can be saved at no more violations, by whoever sees all and moves for nothing', () => {
  const places = ['worker-1', 'worker-2', 'worker-3'].map(workers);
  const most = 14;
  let share = Math.exp(-3.5);
  const sums = { all: 0, highest: 0, fixed: 0, anywhere: 0 };
  for (let people = 0; people <= most; people++) {
    for (const { world } of places) world.setPeople(people);
    const highestW = places[2]!.highestW();
    // Beyond seven it is over the target wherever it is.
    const least = people > 7 ? [] : places.map(({ bruteForceW }) => bruteForceW());
    const or = (watts: number): number => (Number.isFinite(watts) ? watts : highestW);
    sums.all += share;
    sums.highest += share * highestW;
    sums.fixed += share * or(least[2] ?? Number.POSITIVE_INFINITY);
    sums.anywhere += share * or(Math.min(...least));
    share *= 3.5 / (people + 1);
  }
  expect(1 - sums.fixed / sums.highest).toBeCloseTo(0.097, 3);
  expect(1 - sums.anywhere / sums.highest).toBeCloseTo(0.098, 3);
  expect(sums.all).toBeCloseTo(1, 3);
});
