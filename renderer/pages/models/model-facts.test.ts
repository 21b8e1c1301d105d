import { expect, test } from 'vitest';
import type { DecisionRecord } from '../../state/types.ts';
import { comparedWith, decisionsBy, judged, type ModelRow, modelsSentence, modelTitle } from './model-facts.ts';

const row: ModelRow = {
  id: 'relocate-by-latency/camera/classifier/frame_classify_latency_ms',
  name: 'frame_classify_latency_ms of camera/classifier',
  kind: 'line and forest',
  origin: 'policy',
  policy: 'relocate-by-latency',
  version: '3',
  state: 'predicting',
  reason: null,
  unit: 'ms',
  endpoint: null,
  predicts: { metric: 'frame_classify_latency_ms', application: 'camera', component: 'classifier' },
  places: [],
};
const outcome = (value: number, deviation = 0) => ({ metric: 'frame_classify_latency_ms', unit: 'ms', value, deviation });

function decision(id: string, expected: number, actual: number | null, more: Partial<DecisionRecord> = {}): DecisionRecord {
  const action = { kind: 'move' as const, component: 'classifier', from: 'worker-1', to: 'worker-2' };
  return {
    id,
    revision: 0,
    time: 0,
    agent: { id: 'cluster-cluster1', layer: 'cluster', cluster: 'cluster1' },
    policy: { name: 'relocate-by-latency', version: '3' },
    application: 'camera',
    component: 'classifier',
    trigger: { kind: 'qos-violated', text: '' },
    premises: [],
    candidates: [{ id: 'to', label: 'Move', action, predicted: [outcome(expected, 4)], terms: [], score: 0 }],
    choice: 'to',
    stay: 'stay',
    margin: 0,
    neededMargin: 0,
    exploration: false,
    horizonS: 30,
    expected: [outcome(expected, 4)],
    ...(actual !== null && { actual: { at: 1, outcomes: [outcome(actual)], regret: null } }),
    title: '',
    sentence: '',
    ...more,
  };
}

test('says in one sentence how the models of an agent are', () => {
  const sentence = (models: ModelRow[], mode: 0 | 1 = 1) => modelsSentence('cluster-cluster1', { mode, models });
  expect(sentence([])).toBe('cluster-cluster1 has learnt no model yet.');
  expect(sentence([row, { ...row, state: 'learning' }])).toBe('1 of 2 models of cluster-cluster1 predicts.');
  expect(sentence([row, row, { ...row, state: 'failing' }])).toBe('2 of 3 models of cluster-cluster1 predict; 1 model fails.');
  expect(sentence([{ ...row, state: 'unused' }], 0)).toBe('cluster-cluster1 decides by heuristics; 1 model learns beside it.');
  expect(modelTitle(row)).toBe('Latency of classifier');
  expect(modelTitle({ name: 'power of nodes', predicts: null })).toBe('Power of nodes');
});

test('finds the decisions that rested on a model, and holds what was expected against what came', () => {
  const byHeuristics = [{ id: 'mode', name: 'Mode', value: 0, unit: '', at: 0, source: '', usual: 0 }];
  const decisions = [
    decision('a', 40, 43),
    decision('b', 40, 60),
    decision('open', 40, null),
    decision('other component', 1, 1, { component: 'detector' }),
    decision('other policy', 1, 1, { policy: { name: 'static-placement', version: '1' } }),
    decision('other agent', 1, 1, { agent: { id: 'cluster-east', layer: 'cluster', cluster: 'east' } }),
    decision('by heuristics', 1, 1, { premises: byHeuristics }),
  ];
  const used = decisionsBy(row, 'cluster-cluster1', decisions);
  expect(used.map(({ id }) => id)).toEqual(['a', 'b', 'open']);
  const compared = comparedWith(row, used);
  expect(compared.map(({ node, predicted, actual }) => [node, predicted, actual])).toEqual([
    ['worker-2', 40, 43],
    ['worker-2', 40, 60],
  ]);
  // 3 ms and 20 ms off; the first alone within 8 ms.
  expect(judged(compared)).toEqual({ off: 11.5, within: 1 });
  expect(judged([])).toBeNull();
  expect(decisionsBy({ policy: null, predicts: null }, 'continuum', decisions)).toEqual([]);
});
