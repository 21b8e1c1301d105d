import { expect, test } from 'vitest';
import { modelRowsOf } from '../model-rows.ts';
import { banditPlacement } from './bandit-placement.ts';
import { ClusterBench, node, placed } from './cluster-bench.fixture.ts';

/** The double of speeds that the bandit is not told: 20 ms a person on the first node, 10 on the second, 30 on the third. */
const msPerPerson: Record<string, number> = { w1: 20, w2: 10, w3: 30 };

test('it tries nodes, learns from what came of it which serves best, and says when it tries', () => {
  const policy = banditPlacement.create({});
  let bench = new ClusterBench([node('w1'), node('w2'), node('w3')], [placed('front', 'w1')]);
  const told = (people: number) => {
    const on = bench.view.components[0]!.pin!;
    return Object.fromEntries(
      ['w1', 'w2', 'w3'].map((name) => [
        name,
        {
          cpu_used_ratio: name === on ? 0.3 : 0.1,
          ...(name === on && { 'answer_ms@front': msPerPerson[on]! * people, 'people_in_view@front': people }),
        },
      ]),
    );
  };
  const choices: { choice: string; tried: boolean; on: string }[] = [];
  for (let round = 0; round < 20; round++) {
    bench.seconds(6, told(4));
    const decided = bench.decided(policy);
    if (!decided) continue;
    const { record, proposal, chosen } = decided;
    choices.push({ choice: record.choice, tried: record.exploration, on: bench.view.components[0]!.pin! });
    if (chosen.action.kind === 'move') bench.view.components = [placed('front', chosen.action.to)];
    bench.seconds(32, told(4));
    const value = msPerPerson[bench.view.components[0]!.pin!]! * 4;
    policy.judged?.({
      ...record,
      revision: 1,
      actual: { at: bench.now, outcomes: [{ metric: proposal.outcome!.metric, unit: 'ms', value, deviation: 0 }], regret: 0 },
    });
  }
  // It ends where four people take 40 ms, and does not leave it again.
  expect(bench.view.components[0]!.pin).toBe('w2');
  expect(choices.some(({ choice }) => choice === 'to:w2')).toBe(true);
  expect(choices.length).toBeLessThan(8);

  const [model] = modelRowsOf([policy], 1);
  expect(model).toMatchObject({ kind: 'LinUCB', state: 'predicting', unit: '' });
  expect(model?.places.find((place) => place.node === 'w2')?.samples).toBeGreaterThan(0);

  // Elsewhere after a restart it knows where to go, and that is no trial.
  const again = banditPlacement.create({});
  again.restore?.(JSON.parse(JSON.stringify(policy.state?.())));
  bench = new ClusterBench([node('w1'), node('w2'), node('w3')], [placed('front', 'w1')]);
  bench.seconds(6, told(4));
  const { record } = bench.decided(again)!;
  expect(record).toMatchObject({ choice: 'to:w2', exploration: false });
  expect(record.candidates[0]!.predicted[0]).toMatchObject({ metric: 'reward' });
  bench.view.mode = 0;
  expect(again.analyze(bench.input)).toEqual([]);
});
