import { expect, test } from 'vitest';
import { anomalyReaction, suspicionsOf } from './anomaly-reaction.ts';
import { ClusterBench, node, placed } from './cluster-bench.fixture.ts';

/** The load of each node is of its component, but for some 5 %. */
const usual = (i: number) => ({
  w1: { cpu_used_ratio: 0.3 + 0.02 * (i % 3), 'component_cpu_cores@front': 1, network_dropped_packets_per_second: 0 },
  w2: { cpu_used_ratio: 0.05 + 0.01 * (i % 2) },
  w3: { cpu_used_ratio: 0.4 },
});
function watched() {
  const bench = new ClusterBench([node('w1'), node('w2'), node('w3')], [placed('front', 'w1')]);
  const policy = anomalyReaction.create({});
  for (let i = 0; i < 200; i++) bench.seconds(1, usual(i), policy);
  return { bench, policy };
}

test('a node with load that no component explains is drained, and nothing is placed on it while it lasts', () => {
  const { bench, policy } = watched();
  // More of its own work is no anomaly.
  for (let i = 0; i < 30; i++)
    bench.seconds(1, { ...usual(i), w1: { cpu_used_ratio: 0.8, 'component_cpu_cores@front': 3 } }, policy);
  expect(policy.analyze(bench.input)).toEqual([]);
  const mined = { ...usual(0), w1: { cpu_used_ratio: 0.95, 'component_cpu_cores@front': 1 } };
  bench.seconds(10, mined, policy);
  expect(policy.analyze(bench.input)).toEqual([]);
  bench.seconds(10, mined, policy);
  const { record, trigger } = bench.decided(policy)!;
  expect(trigger.text).toMatch(/^w1 misbehaves: load that no component explains at 0\.7 instead of 0\.0\d+$/);
  expect(record.choice).toBe('to:w2');
  expect(record.candidates.find(({ id }) => id === 'stay')!.terms[0]).toMatchObject({ name: 'Misbehaviour', value: -2 });
  expect(suspicionsOf([policy]).get('w1')).toMatch(/^w1 misbehaves/);

  // It is as before only once it has been so for two minutes.
  for (let i = 0; i < 100; i++) bench.seconds(1, usual(i), policy);
  expect(suspicionsOf([policy]).size).toBe(1);
  for (let i = 0; i < 30; i++) bench.seconds(1, usual(i), policy);
  expect(suspicionsOf([policy]).size).toBe(0);
});

test('what most nodes do at once is no fault of theirs', () => {
  const { bench, policy } = watched();
  const all = {
    w1: { cpu_used_ratio: 0.95, 'component_cpu_cores@front': 1 },
    w2: { cpu_used_ratio: 0.8 },
    w3: { cpu_used_ratio: 0.95 },
  };
  bench.seconds(30, all, policy);
  expect(policy.analyze(bench.input)).toEqual([]);
});
