import { expect, test } from 'vitest';
import { ClusterBench, node, placed, shop, start } from './cluster-bench.fixture.ts';
import type { NodeSituation } from './situation.ts';
import { equalWeights, Reputation, trustLevel } from './trust.ts';
import { trustPlacement } from './trust-placement.ts';

const told = { w1: { cpu_used_ratio: 0.2 }, w2: { cpu_used_ratio: 0.2 }, w3: { cpu_used_ratio: 0.2 } };
/** Nodes as an agent shows them after some minutes of watching. */
function assessed(nodes: NodeSituation[], weights = equalWeights, seconds = 300): NodeSituation[] {
  const reputation = new Reputation();
  for (let second = 0; second <= seconds; second++) reputation.observe(nodes, start + 1000 * second);
  const assess = reputation.assessing(nodes, () => weights);
  const trustIn = ({ name, cores, memoryBytes, heartbeat, description }: NodeSituation) =>
    assess(name, cores, memoryBytes, heartbeat, description);
  return nodes.map((one) => ({ ...one, trust: trustIn(one), trustLevel: trustLevel(trustIn(one)) }));
}

test('a node is trusted by who speaks for it, how it has behaved, and what it can do; what counts for how much can be set', () => {
  const nodes = [
    node('good'),
    node('silent', { heartbeat: { lastAt: 0, alive: false } }),
    node('unknown', { heartbeat: null }),
    node('small', { cores: 1, memoryBytes: 1e9 }),
  ];
  const level = (weights = equalWeights) =>
    Object.fromEntries(assessed(nodes, weights).map((one) => [one.name, one.trustLevel!]));
  const equal = level();
  expect(equal.good).toBeGreaterThan(equal.small!);
  expect(equal.good).toBeGreaterThan(equal.unknown!);
  expect(equal.good! - equal.silent!).toBeGreaterThan(0.25);
  const behaviour = level({ identity: 0, behaviour: 1, capability: 0 });
  expect(behaviour.small).toBe(1);
  expect(behaviour.silent).toBeLessThan(0.15);

  // What is over is forgotten: half of it after ten minutes.
  const reputation = new Reputation();
  const was = (alive: boolean, from: number, to: number) => {
    for (let second = from; second < to; second++)
      reputation.observe([node('w', { heartbeat: { lastAt: 0, alive } })], start + 1000 * second);
    const { name, cores, memoryBytes, heartbeat } = node('w');
    return reputation.assessing([node('w')], () => equalWeights)(name, cores, memoryBytes, heartbeat, undefined).behaviour;
  };
  const bad = was(false, 0, 120);
  expect(bad).toBeLessThan(0.25);
  expect(was(true, 120, 1900)).toBeGreaterThan(0.95);
});

test('data that matter leave a node that is not trusted with them, for the most trusted; the record says why', () => {
  const sensitive = shop({
    components: [{ metadata: { name: 'store' }, data_sensitivity: true }, { metadata: { name: 'front' } }],
  });
  const nodes = assessed([
    node('w1', { heartbeat: { lastAt: 0, alive: false } }),
    node('w2'),
    node('w3', { heartbeat: null }),
  ]).map((one) => (one.name === 'w1' ? { ...one, heartbeat: { lastAt: start, alive: true } } : one));
  const bench = new ClusterBench(nodes, [placed('store', 'w1'), placed('front', 'w1')], sensitive);
  bench.seconds(3, told);
  const policy = trustPlacement.create({ tolerance: 0 });
  expect(nodes[0]!.trustLevel).toBeLessThan(0.55);
  const needs = { ...nodes[0]!, trustLevel: 0.4 };
  bench.view.nodes = [needs, nodes[1]!, nodes[2]!];
  expect(policy.analyze(bench.input)).toMatchObject([{ kind: 'not-trusted', component: 'store' }]);
  const { record } = bench.decided(policy)!;
  expect(record.choice).toBe('to:w2');
  expect(record.candidates.find(({ id }) => id === 'to:w2')!.terms.map(({ name }) => name)).toEqual([
    'Identity',
    'Behaviour',
    'Capability',
    'Load',
    'Move',
  ]);
  expect(record.premises.find(({ id }) => id === 'behaviour:w1')?.source).toMatch(
    /^it was silent, not ready or suspect for \d+ s/,
  );
});
