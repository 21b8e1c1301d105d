import { expect, test } from 'vitest';
import { differFrom, formatOffset, outcomeSentence } from './dry-run-words.ts';

type Sides = Parameters<typeof outcomeSentence>[0];
const side = (overTarget: number | null, moves: number, energyWh: number, acts: [atS: number, title: string][] = []) => ({
  policies: [],
  targets: [
    {
      application: 'a',
      component: 'classifier',
      metric: 'm_ms',
      unit: 'ms',
      target: 50,
      overTarget,
      mean: 1,
      worst: 1,
      course: [],
    },
  ],
  decided: 0,
  acts: acts.length,
  moves,
  changes: 0,
  failedPlans: 0,
  energyWh,
  decisions: acts.map(([atS, title]) => ({
    id: title,
    atS,
    agent: 'c',
    policy: 'p',
    application: null,
    component: null,
    isAct: true,
    status: null,
    margin: null,
    title,
    sentence: title,
  })),
  placement: {},
  failures: [],
  printed: [],
});

test('a dry run is told in one sentence, with what differs', () => {
  const sides: Sides = { present: side(0.391, 1, 100), candidate: side(0.046, 3, 98) };
  expect(outcomeSentence(sides)).toBe(
    'With the change, classifier is over its target for 4.6\u00a0% of the time instead of 39\u00a0%, there are 3 moves instead of 1 and the nodes take 2.0 % less energy.',
  );
  expect(outcomeSentence({ present: side(0.1, 0, 50), candidate: side(0.1, 0, 50) })).toBe(
    'The change changes nothing that is measured.',
  );
});

test('two sides differ from the first act that only one of them has', () => {
  const both: [number, string][] = [[3, 'Moved it']];
  expect(differFrom(side(0, 0, 0, both), side(0, 0, 0, both))).toBeNull();
  expect(differFrom(side(0, 0, 0, both), side(0, 0, 0, [[3.5, 'Moved it']]))).toBeNull();
  expect(differFrom(side(0, 0, 0, both), side(0, 0, 0, [...both, [70, 'Moved it back']]))).toBe(70);
  expect(differFrom(side(0, 0, 0, both), side(0, 0, 0, [[9, 'Moved another']]))).toBe(3);
});

test('an offset is told as minutes and seconds', () => {
  expect([formatOffset(4.9), formatOffset(125), formatOffset(3725)]).toEqual(['0:04', '2:05', '1:02:05']);
});
