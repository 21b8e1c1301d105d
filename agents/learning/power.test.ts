import { expect, test } from 'vitest';
import { evaluate, premise } from '../decision/expression.ts';
import { energyPerJob, LearntPower, meanPower, measuredPower, measuredProcessors } from './power.ts';

test('published models give the published power, and volts between two points', () => {
  const xeon = measuredPower('Xeon E3-1220', 3.3);
  expect(xeon.idleW + xeon.busyW).toBeCloseTo(18.98 * 1.146 ** 2 * 3.3 + 34.01, 9);
  const between = measuredPower('Xeon E3-1220', 2.25);
  expect(between.busyW).toBeCloseTo(18.98 * ((0.851 + 0.922) / 2) ** 2 * 2.25, 9);
});

test('a host that sleeps when it is done takes least energy for a job at the highest frequency; one that idles does not', () => {
  // Compute-bound jobs on an X-Gene3 that is busy a tenth of the time at its highest frequency.
  const { points, slowDown } = measuredProcessors['X-Gene3'];
  const energyAt = (index: number, sleepW?: number) => {
    const busy = Math.min(1, 0.1 * slowDown.compute[index]!);
    const watts = meanPower(measuredPower('X-Gene3', points[index]![0]), premise('busy'), sleepW);
    return evaluate(energyPerJob(watts, 0.01), { busy });
  };
  const idling = points.map((_, index) => energyAt(index));
  const sleeping = points.map((_, index) => energyAt(index, 2));
  expect(idling.indexOf(Math.min(...idling))).toBeLessThan(points.length - 1);
  expect(sleeping.indexOf(Math.min(...sleeping))).toBe(points.length - 1);
});

test('power is learnt from readings at several frequencies, and not told before', () => {
  const learnt = new LearntPower();
  const truth = (utilisation: number, ghz: number) => 30 + utilisation * (6 * ghz + 0.8 * ghz ** 3);
  expect(learnt.at(2, 0.5)).toBeUndefined();
  for (let index = 0; index < 300; index++) {
    const utilisation = ((index * 7) % 10) / 10;
    const ghz = [1.2, 2, 3.3][index % 3]!;
    learnt.learn(utilisation, ghz, truth(utilisation, ghz));
  }
  for (const ghz of [1.2, 2.6, 3.3]) {
    const { idleW, busyW, source } = learnt.at(ghz, 0.5)!;
    expect(idleW + 0.7 * busyW).toBeCloseTo(truth(0.7, ghz), 0);
    expect(source).toContain('3 frequencies');
  }
});
