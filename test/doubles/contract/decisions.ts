import {
  add,
  constant,
  divide,
  type Expression,
  evaluate,
  maximum,
  multiply,
  premise,
  subtract,
} from '../../../agents/decision/expression.ts';
import { rescore, tell } from '../../../main/contract/explanation.ts';
import type { Candidate, DecisionRecord, Premise } from '../../../renderer/state/types.ts';

/** DOUBLE: decisions as the agents' policies would have recorded them in the demo's course. */
const minute = 60_000;
const slopes: Record<string, number> = { 'worker-1': 22, 'worker-2': 11 };

function classifierDecision(
  id: string,
  time: number,
  people: number,
  here: string,
  options: { coolDownUntil?: number; actual?: number } = {},
): DecisionRecord {
  const premises: Premise[] = [
    {
      id: 'covariate',
      name: 'People in view',
      value: people,
      unit: '',
      at: time,
      source: 'people_in_view of classifier',
      usual: 1,
      range: [0, 6],
    },
    { id: 'target', name: 'Target', value: 50, unit: 'ms', at: time, source: 'qos_metrics of classifier', usual: 50 },
    {
      id: 'load:worker-1',
      name: 'Load of worker-1',
      value: here === 'worker-1' ? 0.88 : 0.31,
      unit: '',
      at: time,
      source: 'cpu_used_ratio of worker-1',
      usual: 0.52,
      range: [0, 1],
    },
    {
      id: 'load:worker-2',
      name: 'Load of worker-2',
      value: here === 'worker-2' ? 0.44 : 0.31,
      unit: '',
      at: time,
      source: 'cpu_used_ratio of worker-2',
      usual: 0.25,
      range: [0, 1],
    },
    {
      id: 'price',
      name: 'Price of energy',
      value: 0.01,
      unit: 'per W',
      at: time,
      source: 'settings of relocate-by-latency',
      usual: 0.01,
      range: [0, 0.1],
    },
  ];
  const latency = (node: string): Expression =>
    add(10, multiply(slopes[node] ?? 22, premise('covariate')), multiply(6, maximum(subtract(premise(`load:${node}`), 0.35), 0)));
  const qos = (value: Expression): Expression =>
    multiply(-1, divide(maximum(subtract(value, premise('target')), 0), premise('target')));
  const feasible = (node: string): Candidate => {
    const stay = node === here;
    return {
      id: stay ? 'stay' : `to:${node}`,
      label: stay ? `Stay on ${node}` : `Move to ${node}`,
      action: stay
        ? { kind: 'stay', component: 'classifier', host: node }
        : { kind: 'move', component: 'classifier', from: here, to: node },
      predicted: [
        { metric: 'frame_classify_latency_ms', unit: 'ms', value: 0, deviation: stay ? 2 : 4, expression: latency(node) },
        { metric: 'power_w', unit: 'W', value: 58.4 + (node === 'worker-2' ? 6.2 : 0), deviation: 0.4 },
      ],
      terms: [
        { name: 'QoS', value: 0, expression: qos(latency(node)) },
        { name: 'Energy', value: 0, expression: multiply(-1, premise('price'), constant(node === 'worker-2' ? 6.2 : 0)) },
        { name: 'Move', value: 0, expression: constant(stay ? 0 : -0.08) },
      ],
      score: 0,
    };
  };
  const rejected = (node: string, rule: string, reason: string): Candidate => ({
    id: `to:${node}`,
    label: `Move to ${node}`,
    action: { kind: 'move', component: 'classifier', from: here, to: node },
    rejected: { rule, reason },
    predicted: [],
    terms: [],
    score: null,
  });
  const draft: Omit<DecisionRecord, 'title' | 'sentence'> = {
    id,
    revision: options.actual === undefined ? 0 : 2,
    time,
    agent: { id: 'cluster-cluster1', layer: 'cluster', cluster: 'cluster1' },
    policy: { name: 'relocate-by-latency', version: '3' },
    application: 'smart-camera',
    component: 'classifier',
    trigger: { kind: 'qos-violated', text: 'frame_classify_latency_ms of classifier has been over 50 ms for 60 s' },
    premises,
    candidates: [
      feasible('worker-1'),
      feasible('worker-2'),
      rejected('master-1', 'node_layer', 'control-plane taint; only layer node is allowed'),
      rejected('management', 'cluster_placement', 'cluster_placement permits cluster1'),
    ],
    choice: 'stay',
    stay: 'stay',
    margin: null,
    neededMargin: 0.1,
    ...(options.coolDownUntil === undefined ? {} : { coolDownUntil: options.coolDownUntil }),
    exploration: false,
    horizonS: 120,
    expected: [],
  };
  const scored = rescore(draft, {});
  const choice = scored.candidates.find((candidate) => candidate.id === scored.choice);
  const expected = (choice?.predicted ?? []).map(({ expression: _, ...outcome }) => outcome);
  const full = {
    ...draft,
    ...scored,
    expected,
    ...(options.actual === undefined
      ? {}
      : {
          actual: {
            at: time + 120_000,
            outcomes: [{ metric: 'frame_classify_latency_ms', unit: 'ms', value: options.actual, deviation: 0 }],
            regret: 0,
          },
        }),
  };
  return { ...full, ...tell(full) };
}

function clusterDecision(id: string, time: number): DecisionRecord {
  const score = multiply(-0.2, premise('applications:cluster1'));
  const premises: Premise[] = [
    {
      id: 'applications:cluster1',
      name: 'Applications on cluster1',
      value: 1,
      unit: '',
      at: time,
      source: 'PropagationPolicies',
      usual: 1,
    },
  ];
  const draft: Omit<DecisionRecord, 'title' | 'sentence'> = {
    id,
    revision: 0,
    time,
    agent: { id: 'continuum', layer: 'continuum', cluster: 'management' },
    policy: { name: 'cluster-placement', version: '1' },
    application: 'smart-camera',
    trigger: { kind: 'application-new', text: 'smart-camera was described' },
    premises,
    candidates: [
      {
        id: 'cluster1',
        label: 'Keep on cluster1',
        action: { kind: 'stay' },
        predicted: [],
        terms: [{ name: 'Crowd', value: evaluate(score, { 'applications:cluster1': 1 }), expression: score }],
        score: -0.2,
      },
      {
        id: 'management',
        label: 'Place on management',
        action: { kind: 'placeOnCluster', component: 'smart-camera', cluster: 'management' },
        rejected: { rule: 'cluster_placement', reason: 'No other cluster is permitted' },
        predicted: [],
        terms: [],
        score: null,
      },
    ],
    choice: 'cluster1',
    stay: 'cluster1',
    margin: null,
    neededMargin: 0,
    exploration: false,
    horizonS: 60,
    expected: [],
  };
  return { ...draft, ...tell(draft) };
}

/** Newest first. */
export function demoDecisions(now: number): DecisionRecord[] {
  return [
    classifierDecision('d-9', now - 1.6 * minute, 3, 'worker-2', { coolDownUntil: now + 5 * minute }),
    classifierDecision('d-8', now - 3.2 * minute, 3, 'worker-1', { actual: 44.6 }),
    classifierDecision('d-7', now - 4.3 * minute, 2, 'worker-1', { actual: 75.8 }),
    classifierDecision('d-6', now - 8 * minute, 2, 'worker-1', { actual: 54.2 }),
    clusterDecision('d-5', now - 13 * minute),
    classifierDecision('d-4', now - 16.6 * minute, 2, 'worker-1', { actual: 31.9 }),
    classifierDecision('d-3', now - 21 * minute, 1, 'worker-1', { actual: 32.2 }),
    classifierDecision('d-2', now - 24.8 * minute, 2, 'worker-1', { actual: 53.1 }),
    classifierDecision('d-1', now - 29 * minute, 1, 'worker-1', { actual: 32.4 }),
  ];
}
