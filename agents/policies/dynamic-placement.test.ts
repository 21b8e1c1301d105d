import { expect, test } from 'vitest';
import { ClusterBench, node, placed, shop } from './cluster-bench.fixture.ts';
import { dynamicPlacement } from './dynamic-placement.ts';

const nodes = () => [node('w1'), node('w2'), node('w3', { frequencyGHz: 1 })];
const busy = {
  w1: { cpu_used_ratio: 0.95, 'component_cpu_cores@front': 1, 'component_cpu_cores@store': 2 },
  w2: { cpu_used_ratio: 0.2 },
  w3: { cpu_used_ratio: 0.1 },
};

test('the largest component leaves a node that has been busy for a while, for where the busier of both is least busy', () => {
  const bench = new ClusterBench(nodes(), [placed('front', 'w1'), placed('store', 'w1')]);
  const policy = dynamicPlacement.create({});
  bench.seconds(10, busy);
  expect(policy.analyze(bench.input)).toEqual([]);
  bench.seconds(10, busy);
  const { record, chosen, proposal } = bench.decided(policy)!;
  expect(record).toMatchObject({ component: 'store', choice: 'to:w3' });
  expect(record.margin).toBeCloseTo(0.95 - 0.6 - 0.05);
  expect(record.expected).toMatchObject([{ metric: 'cpu_used_ratio' }]);
  expect(record.expected[0]!.value).toBeCloseTo(0.6);
  expect(proposal.commands(chosen)).toMatchObject([{ mechanism: 'fluidity', command: { name: 'shop' } }]);
});

test('what has a target is not put where it would miss it, nor moved where nothing is gained', () => {
  // The front alone, on a node that others keep busy: on the slow one its latency would be 80 ms.
  const bench = new ClusterBench(nodes(), [placed('front', 'w1')]);
  const policy = dynamicPlacement.create({});
  const told = { ...busy, w1: { cpu_used_ratio: 0.95, 'component_cpu_cores@front': 2, 'answer_ms@front': 40 } };
  bench.seconds(20, told);
  const { record } = bench.decided(policy)!;
  expect(record.choice).toBe('to:w2');
  expect(record.candidates.find(({ id }) => id === 'to:w3')?.terms.find(({ name }) => name === 'QoS')?.value).toBeCloseTo(-0.6);

  const all = new ClusterBench(nodes(), [placed('front', 'w1')]);
  all.seconds(20, { ...told, w2: { cpu_used_ratio: 0.9 }, w3: { cpu_used_ratio: 0.9 } });
  expect(all.decided(policy)!.record.choice).toBe('stay');
  const fixed = new ClusterBench(nodes(), [placed('front', 'w1')], shop({ permitted_actions: [] }));
  fixed.seconds(20, told);
  expect(fixed.decided(policy)).toBeUndefined();
});
