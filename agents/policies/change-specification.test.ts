import { expect, test } from 'vitest';
import { changeSpecification } from './change-specification.ts';
import { ClusterBench, node, placed, shop } from './cluster-bench.fixture.ts';

const of = { application: 'shop', component: 'front' };
function bench(more: Parameters<typeof shop>[0] = {}, limit = '500m', replicas = 1) {
  const made = new ClusterBench([node('w1')], [placed('front', 'w1')], shop(more));
  const permitted = more?.permitted_actions === undefined;
  made.view.mechanisms = {
    resources: {
      state: [{ ...of, containers: [{ name: 'front', requests: { cpu: '250m' }, limits: { cpu: limit } }] }],
      options: [{ ...of, permitted, containers: ['front'], resources: ['cpu', 'memory'] }],
    },
    replicas: { state: [{ ...of, replicas, ready: replicas }], options: [{ ...of, permitted, min: 1, max: 3 }] },
    image: { state: [{ ...of, containers: [{ name: 'front', image: 'front:full' }] }], options: [{ ...of, permitted }] },
  };
  return made;
}
const slow = { w1: { 'answer_ms@front': 90, 'component_cpu_throttled_ratio@front': 0.8, 'component_cpu_cores@front': 0.5 } };

test('a component that is throttled gets a higher limit when it misses its target, and the reason is told by the throttling', () => {
  const made = bench();
  const policy = changeSpecification.create({});
  made.seconds(5, slow);
  expect(policy.analyze(made.input)).toEqual([]);
  made.seconds(10, slow);
  const { record, proposal, chosen } = made.decided(policy)!;
  expect(chosen.label).toBe('Raise the processor limit from 500m to 1');
  expect(proposal.commands(chosen)).toEqual([
    { mechanism: 'resources', command: { name: 'shop', component: 'front', container: 'front', limits: { cpu: '1' } } },
  ]);
  // 90 ms less half of the 80 % in which it waits.
  expect(record.expected[0]?.value).toBeCloseTo(54);
  expect(record.expected[0]?.deviation).toBeGreaterThan(5);
  expect(record.candidates.map(({ id }) => id)).toEqual(['stay', 'limit:1', 'replicas:2']);
});

test('one that waits for itself gets a replica, one that has nothing to spare another image', () => {
  const made = bench({}, '4');
  // A tenth of its answers are quick: the rest is waiting.
  made.seconds(5, { w1: { 'answer_ms@front': 20 } });
  made.seconds(30, { w1: { 'answer_ms@front': 90, 'component_cpu_throttled_ratio@front': 0 } });
  expect(made.decided(changeSpecification.create({}))?.chosen.id).toBe('replicas:2');

  const images = {
    'shop/front': [
      { image: 'front:full', work: 1, quality: 1 },
      { image: 'front:lite', work: 0.5, quality: 0.9 },
    ],
  };
  const other = bench({}, '4');
  other.seconds(30, { w1: { 'answer_ms@front': 90, 'component_cpu_throttled_ratio@front': 0 } });
  const { chosen, record } = other.decided(changeSpecification.create({ images }))!;
  expect(chosen.action).toMatchObject({ kind: 'command', mechanism: 'image', command: { image: 'front:lite' } });
  expect(chosen.terms.find(({ name }) => name === 'Quality')).toBeUndefined();
  expect(record.margin).toBeCloseTo(0.8 - 0.1);
});

test('what is not needed any more is taken back, what is not permitted ruled out', () => {
  const made = bench({}, '500m', 2);
  made.seconds(320, { w1: { 'answer_ms@front': 12, 'component_cpu_cores@front': 0.1 } });
  const { chosen, trigger } = made.decided(changeSpecification.create({}))!;
  expect(trigger.kind).toBe('qos-slack');
  expect(chosen.id).toBe('replicas:1');

  const forbidden = bench({ permitted_actions: [] });
  forbidden.seconds(15, slow);
  const { record } = forbidden.decided(changeSpecification.create({}))!;
  expect(record.choice).toBe('stay');
  expect(new Set(record.candidates.slice(1).map(({ rejected }) => rejected?.rule))).toEqual(new Set(['permitted_actions']));
});
