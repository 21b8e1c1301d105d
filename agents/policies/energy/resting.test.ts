import { expect, test } from 'vitest';
import { ClusterBench, node, placed } from '../cluster-bench.fixture.ts';
import type { Mechanisms, NodeSituation } from '../situation.ts';
import { consolidation } from './consolidation.ts';

const knob = (ghz: number): Mechanisms => ({
  CPUFrequencyConfigurator: {
    state: [{ cpus: [0], frequency_hz: ghz * 1e9 }],
    options: [{ cpus: [0], min: 1e9, max: 3e9, frequencies: [1e9, 3e9], governors: [] }],
  },
});

/** `w1` has a component, `w2` none; 40 + 100 W × load both. */
function bench(of: Partial<NodeSituation> = {}, settings: object = {}) {
  const bench = new ClusterBench([node('w1'), node('w2', { mechanisms: knob(3), ...of })], [placed('front', 'w1')]);
  const policy = consolidation.create(settings);
  const work = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      const [one, two] = [0.3 + 0.1 * (i % 3), 0.1 + 0.1 * (i % 2)];
      bench.seconds(
        1,
        {
          w1: { cpu_used_ratio: one, power_w: 40 + 100 * one, 'component_cpu_cores@front': 1, 'answer_ms@front': 20 },
          w2: { cpu_used_ratio: two, power_w: 40 + 100 * two },
        },
        policy,
      );
    }
  };
  work(60);
  const set = (ghz: number) => {
    bench.view.nodes[1] = node('w2', { ...of, mechanisms: knob(ghz) });
    work(1);
  };
  const triggers = () => policy.analyze(bench.input).filter(({ kind }) => kind.startsWith('node-'));
  const commanded = () => {
    const decided = bench.decided({
      ...policy,
      name: policy.name,
      version: policy.version,
      analyze: triggers,
      plan: policy.plan.bind(policy),
    });
    return decided?.proposal.commands(decided.chosen);
  };
  return { bench, policy, work, set, triggers, commanded };
}
const told = (command: object) => [
  { mechanism: 'onNode', command: { node: 'w2', mechanism: 'CPUFrequencyConfigurator', command } },
];

test('an empty node rests at its lowest frequency, and has its own back as soon as a component comes', () => {
  const { bench: cluster, set, triggers, commanded } = bench();
  expect(commanded()).toEqual(told({ command: 'set', cpu: 'all', frequency: 'min' }));
  set(1);
  expect(triggers()).toEqual([]);
  cluster.view.components.push(placed('store', 'w2'));
  expect(commanded()).toEqual(told({ command: 'reset', cpu: 'all' }));
  set(3);
  expect(triggers()).toEqual([]);
});

test('a node that somebody else slowed while it works is left alone, and so is one whose frequency cannot be set', () => {
  const { bench: cluster, set, triggers } = bench();
  cluster.view.components.push(placed('store', 'w2'));
  set(1);
  expect(triggers()).toEqual([]);
  for (const options of [{ absent: 'this kernel or machine has no cpufreq' }, undefined])
    expect(bench({ mechanisms: options ? { CPUFrequencyConfigurator: { state: [], options } } : {} }).triggers()).toEqual([]);
  expect(bench({}, { rest: false }).triggers()).toEqual([]);
});
