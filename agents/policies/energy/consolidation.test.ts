import { expect, test } from 'vitest';
import { ClusterBench, node, placed } from '../cluster-bench.fixture.ts';
import { consolidation } from './consolidation.ts';

/** The first node takes 40 + 100 W × load, the second 30 + 40 W × load. */
function told(bench: ClusterBench, policy: ReturnType<typeof consolidation.create>, answerMs = 20) {
  for (let i = 0; i < 60; i++) {
    const [one, two] = [0.3 + 0.1 * (i % 3), 0.2 + 0.1 * (i % 2)];
    bench.seconds(
      1,
      {
        w1: { cpu_used_ratio: one, power_w: 40 + 100 * one, 'component_cpu_cores@front': 1, 'answer_ms@front': answerMs },
        w2: { cpu_used_ratio: two, power_w: 30 + 40 * two },
      },
      policy,
    );
  }
}

test('a component goes where its work takes less power, by what each node has been seen to draw', () => {
  const bench = new ClusterBench([node('w1'), node('w2')], [placed('front', 'w1')]);
  const policy = consolidation.create({});
  told(bench, policy);
  const { record } = bench.decided(policy)!;
  expect(record.choice).toBe('to:w2');
  // 25 W less here, 10 W more there, of about 120.
  expect(record.candidates.find(({ id }) => id === 'to:w2')!.terms[0]!.value).toBeCloseTo(15 / 120, 1);
  expect(record.expected[0]).toMatchObject({ metric: 'power_w', unit: 'W' });
  // Once a minute is enough.
  expect(policy.analyze(bench.input)).toEqual([]);
});

test('emptying a node counts where it sleeps then; a target that would be missed, or a full node, keeps it from it', () => {
  const term = (settings: object, more = {}, answerMs = 20) => {
    const bench = new ClusterBench([node('w1'), node('w2', more)], [placed('front', 'w1')]);
    const policy = consolidation.create(settings);
    told(bench, policy, answerMs);
    return bench.decided(policy)!.record;
  };
  expect(
    term({ sleepW: 4 })
      .candidates.find(({ id }) => id === 'to:w2')
      ?.terms.map(({ name }) => name),
  ).toContain('Sleep of w1');
  expect(term({}, { frequencyGHz: 0.5 }).choice).toBe('stay');
  expect(term({ fullest: 0.3 }).choice).toBe('stay');
});

test('what it has learnt outlives a restart, and nothing is said of a node whose power nobody knows', () => {
  const bench = new ClusterBench([node('w1'), node('w2'), node('w3')], [placed('front', 'w1')]);
  const policy = consolidation.create({});
  told(bench, policy);
  const again = consolidation.create({});
  again.restore?.(JSON.parse(JSON.stringify(policy.state?.())));
  const { record } = bench.decided(again)!;
  expect(record.choice).toBe('to:w2');
  expect(record.candidates.find(({ id }) => id === 'to:w3')!.score).toBe(-1);
});
