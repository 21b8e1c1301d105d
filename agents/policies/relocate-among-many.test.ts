import { expect, test } from 'vitest';
import { evaluate } from '../decision/expression.ts';
import { recordedValues } from '../explanation/what-if.ts';
import { ClusterBench, node, placed } from './cluster-bench.fixture.ts';
import { decide } from './decide.ts';
import type { Proposal } from './policy.ts';
import { relocateByLatency } from './relocate-by-latency.ts';

const count = 130;
const names = Array.from({ length: count }, (_, index) => `w${index}`);
/** Some are as busy as others, as far as the last bit. */
const loadOf = (index: number): number => ((index * 37) % 59) / 60;
const about = { application: 'shop', component: 'front' };
const trigger = { kind: 'qos-violated', text: 'it is slow', ...about };

const scoresIn = (proposal: Proposal): Map<string, number> => {
  const values = recordedValues(proposal);
  return new Map(
    proposal.options.flatMap(({ id, rejected, terms }) =>
      rejected ? [] : [[id, terms.reduce((sum, { expression }) => sum + evaluate(expression, values), 0)]],
    ),
  );
};

/** A cluster whose component has been on two nodes, and is too slow on the second. */
function crowded(mode: 0 | 1) {
  const nodes = names.map((name, index) =>
    node(name, { frequencyGHz: 1 + (index % 4) / 2, cores: 2 + (index % 3) * 2, ...(index % 10 === 9 && { ready: false }) }),
  );
  const bench = new ClusterBench(nodes, [placed('front', 'w3')]);
  bench.view.mode = mode;
  const policy = relocateByLatency.create({});
  for (const on of ['w3', 'w50']) {
    bench.view.components = [placed('front', on)];
    for (let second = 0; second < 40; second++) {
      bench.now += 1000;
      const time = bench.now;
      for (const [index, name] of names.entries()) {
        const cpu_used_ratio = loadOf(index) + (second % 3) / 100;
        const own = Object.entries({ cpu_used_ratio, power_w: 30 + 20 * cpu_used_ratio + index });
        bench.window.add({
          agent: name,
          cluster: 'c',
          node: name,
          time,
          samples: own.map(([metric, value]) => ({ metric, value })),
        });
      }
      const people = 3 + (second % 4);
      const told = Object.entries({ answer_ms: 40 + 20 * people, people_in_view: people, component_cpu_cores: 0.4 });
      const samples = told.map(([metric, value]) => ({ metric, value, ...about }));
      bench.window.add({ agent: on, cluster: 'c', node: on, time: time + 1, samples });
      policy.learn?.(bench.input);
    }
  }
  return { bench, policy };
}

test.each([0, 1] as const)(
  'among very many nodes in mode %i, only those with the best scores are written out, and all are weighed',
  (mode) => {
    const { bench, policy } = crowded(mode);
    const proposal = policy.plan(bench.input, trigger)!;
    const shown = scoresIn(proposal);
    const left = bench.view.nodes.filter(({ name, ready }) => ready && name !== 'w50' && !shown.has(`to:${name}`));
    expect(proposal.unwritten).toBe(left.length);
    expect(left.length).toBeGreaterThan(50);
    const least = Math.min(...[...shown].flatMap(([id, score]) => (id === 'stay' ? [] : [score])));

    // Few at a time, all are written out: by whole expressions none that was left out is better.
    for (let from = 0; from < left.length; from += 40) {
      const part = left.slice(from, from + 40);
      // What is known of others is carried over from where it has been.
      const others = bench.view.nodes.filter((one) => (one.name === 'w3' || one.name === 'w50') && !part.includes(one));
      const few = policy.plan({ ...bench.input, view: { ...bench.view, nodes: [...others, ...part] } }, trigger)!;
      expect(few.unwritten).toBeUndefined();
      const scores = scoresIn(few);
      for (const { name } of part) expect(scores.get(`to:${name}`)).toBeLessThanOrEqual(least);
      expect(scores.get('stay')).toBe(shown.get('stay'));
    }

    const record = decide(proposal, trigger, {
      ...{ id: 'd', now: bench.now, agent: { id: 'cluster-c', layer: 'cluster', cluster: 'c' } },
      ...{ policy: { name: policy.name, version: policy.version }, lastChangeAt: undefined },
    });
    const rejected = record.candidates.filter(({ rejected: why }) => why).length;
    expect(record.leftOut!.feasible + record.candidates.length - rejected).toBe(117);
    expect(record.leftOut!.rejected + rejected).toBe(13);
  },
);
