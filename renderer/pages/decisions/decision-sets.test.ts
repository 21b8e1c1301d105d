import { expect, test } from 'vitest';
import type { DecisionRecord } from '../../state/types.ts';
import { recordOf } from './compare-policies.ts';
import { laneMarks } from './lane-marks.ts';
import { similarDecisions } from './similar.ts';

const record = (id: string, more: Partial<DecisionRecord> & { people?: number } = {}): DecisionRecord => ({
  id,
  revision: 0,
  time: 1000,
  agent: { id: 'cluster-cluster1', layer: 'cluster', cluster: 'cluster1' },
  policy: { name: 'relocate', version: '1' },
  application: 'smart-camera',
  component: 'classifier',
  trigger: { kind: 'target', text: '' },
  premises: [
    {
      id: 'people',
      name: 'People in view',
      value: more.people ?? 1,
      unit: 'people',
      at: 0,
      source: '',
      usual: 1,
      range: [0, 14],
    },
  ],
  candidates: [],
  choice: 'stay',
  stay: 'stay',
  margin: 0.1,
  neededMargin: 0.1,
  exploration: false,
  horizonS: 30,
  expected: [{ metric: 'latency_ms', unit: 'ms', value: 40, deviation: 1 }],
  title: id,
  sentence: id,
  ...more,
});

test('the most similar decision is the one under the nearest premises, about the same thing', () => {
  const found = similarDecisions(record('now', { people: 3 }), [
    record('far', { people: 14 }),
    record('near', { people: 4 }),
    record('same', { people: 3 }),
    record('elsewhere', { component: 'detector' }),
    record('otherwise', { policy: { name: 'static', version: '1' } }),
  ]);
  expect(found.map(({ record: { id } }) => id)).toEqual(['same', 'near', 'far']);
  expect(found[0]?.most).toBeNull();
  expect(found[1]?.most).toMatchObject({ premise: { id: 'people' }, other: 4 });
});

test('marks that would cover each other become one, by layer and kind', () => {
  const act = { choice: 'move' };
  const marks = laneMarks(
    [record('a', { time: 0 }), record('b', { time: 5 }), record('c', { time: 6, ...act }), record('d', { time: 40 })],
    (time) => time,
    10,
  );
  expect(marks.map(({ act: isAct, records }) => [isAct, records.map(({ id }) => id)])).toEqual([
    [false, ['a', 'b']],
    [true, ['c']],
    [false, ['d']],
  ]);
});

test('a policy is judged by what it decided in the window, and by outcomes that were taken', () => {
  const outcome = (value: number) => ({ metric: 'latency_ms', unit: 'ms', value, deviation: 0 });
  const done = recordOf(
    [
      record('a', { choice: 'move', actual: { at: 0, outcomes: [outcome(44)], regret: 0 } }),
      record('b', { margin: Number.MAX_VALUE, actual: { at: 0, outcomes: [outcome(60)], regret: 0.5 } }),
      record('late', { time: 5000 }),
      record('older', { policy: { name: 'relocate', version: '0' } }),
    ],
    'relocate 1',
    0,
    2000,
  );
  expect(done).toMatchObject({ decisions: 2, acts: 1, nonActs: 1, judged: 2, regretted: 1, meanRegret: 0.25, meanMargin: 0.1 });
  expect(done.outcomes.get('latency_ms')).toEqual({ unit: 'ms', mean: 52, error: 12, count: 2 });
});
