import { describe, expect, test } from 'vitest';
import type { Sample } from '../bus/messages.ts';
import { type DecisionRecord, isAct } from '../decision/record.ts';
import { type ApplicationDescription, applicationSchema } from '../descriptions/application.ts';
import { modelRowsOf } from '../model-rows.ts';
import type { PodView } from '../orchestration/pod-view.ts';
import { SlidingWindow } from '../telemetry/window.ts';
import { clusterPlacement } from './cluster-placement.ts';
import { decide } from './decide.ts';
import { createPolicies, type Policy, type Proposal, type Trigger } from './policy.ts';
import { relocateByLatency } from './relocate-by-latency.ts';
import type { ClusterSituation, ContinuumSituation, NodeSituation } from './situation.ts';
import { staticPlacement } from './static-placement.ts';

const start = 1_700_000_000_000;
const node = (name: string, more: Partial<NodeSituation> = {}): NodeSituation => ({
  name,
  ready: true,
  unschedulable: false,
  labels: {},
  taints: [],
  cores: 4,
  memoryBytes: 4e9,
  heartbeat: { lastAt: start, alive: true },
  frequencyGHz: 1.8,
  ...more,
});
const taint = { key: 'node-role.kubernetes.io/control-plane', value: '', effect: 'NoSchedule' };
const nodes = [
  node('master', { taints: [taint] }),
  node('worker-1'),
  node('worker-2', { frequencyGHz: 3.6 }),
  node('worker-3', { ready: false }),
  node('worker-4', { heartbeat: { lastAt: start - 9000, alive: false } }),
];

const application = (more: Partial<ApplicationDescription> = {}) =>
  applicationSchema.parse({
    name: 'smart-camera',
    permitted_actions: ['component_relocation'],
    components: [
      { metadata: { name: 'camera' }, depends_on: ['classifier'] },
      {
        metadata: { name: 'classifier' },
        qos_metrics: [{ application_metric_id: 'frame_classify_latency_ms', target: 50, relation: 'lower_or_equal' }],
      },
    ],
    ...more,
  });
const pod = (on: string): PodView => ({
  name: `classifier-${on}`,
  uid: `uid-${on}`,
  node: on,
  ip: null,
  ready: true,
  phase: 'Running',
  leaving: false,
  reason: undefined,
  createdAt: 0,
  planUid: '',
  metricsPort: undefined,
});

/** One cluster whose classifier takes 10 + 22 ms per person at 1.8 GHz, told by the policies' own input; no bus, no Kubernetes. */
class Bench {
  readonly window = new SlidingWindow(600_000);
  readonly view: ClusterSituation;
  now = start;
  constructor(description = application(), on: string | null = 'worker-1') {
    const placed = on ? { pin: on, pods: [pod(on)] } : undefined;
    this.view = {
      cluster: 'c',
      mechanisms: {},
      mode: 1,
      nodes,
      applications: [{ uid: 'u', description }],
      components: placed ? [{ application: 'smart-camera', component: 'classifier', componentUid: 'x', ...placed }] : [],
    };
  }
  get input() {
    return { now: this.now, agent: 'cluster-c', view: this.view, window: this.window };
  }
  /** A second with so many people in view. */
  second(people: number, more: Record<string, Sample[]> = {}): void {
    this.now += 1000;
    const on = this.view.components[0]?.pin;
    for (const { name, frequencyGHz } of nodes) {
      const load = { metric: 'cpu_used_ratio', value: name === on ? 0.3 : 0.1 };
      const own = { application: 'smart-camera', component: 'classifier' };
      const value = 10 + (22 * 1.8 * people) / (frequencyGHz ?? 1);
      const here: Sample[] =
        name === on
          ? [
              { metric: 'frame_classify_latency_ms', value, ...own },
              { metric: 'people_in_view', value: people, ...own },
              { metric: 'component_cpu_cores', value: 0.8, ...own },
            ]
          : [];
      const samples = [load, ...here, ...(more[name] ?? [])];
      this.window.add({ agent: name, cluster: 'c', node: name, time: this.now, samples });
    }
  }
}

function decideOn<View>(
  policy: Policy<View>,
  proposal: Proposal,
  trigger: Trigger,
  now: number,
  lastChangeAt?: number,
): DecisionRecord {
  const agent = { id: 'a', layer: 'cluster' as const, cluster: 'c' };
  return decide(proposal, trigger, { id: 'd', now, agent, policy: { name: policy.name, version: policy.version }, lastChangeAt });
}

describe('relocate-by-latency', () => {
  const run = (bench: Bench, people: number[], settings: object = {}) => {
    const policy = relocateByLatency.create(settings);
    policy.learn?.(bench.input);
    for (const count of people) {
      bench.second(count);
      policy.learn?.(bench.input);
    }
    return policy;
  };
  const decided = (bench: Bench, policy: Policy<ClusterSituation>, lastChangeAt?: number): DecisionRecord | undefined => {
    const [trigger] = policy.analyze(bench.input);
    const proposal = trigger && policy.plan(bench.input, trigger);
    return proposal && decideOn(policy, proposal, trigger, bench.now, lastChangeAt);
  };

  test('is silent while all is well, tells when it gets close, waits until a violation has held', () => {
    const bench = new Bench();
    const policy = run(bench, [1, 1, 1]);
    expect(policy.analyze(bench.input)).toEqual([]);
    for (const _ of Array(6)) bench.second(1.6);
    expect(policy.analyze(bench.input)[0]?.kind).toBe('qos-close');
    bench.second(3);
    expect(policy.analyze(bench.input)).toEqual([]);
    bench.second(3);
    bench.second(3);
    expect(policy.analyze(bench.input)[0]).toMatchObject({ kind: 'qos-violated', component: 'classifier' });
    bench.now += 30_000;
    expect(policy.analyze(bench.input)).toEqual([]);
  });

  test('predicts the latency on a node that was never tried from the speed of its processor, and moves there', () => {
    const bench = new Bench();
    const policy = run(bench, [0, 1, 2, 1, 0, 1, 2, 3, 3, 3]);
    const record = decided(bench, policy)!;
    expect(record.choice).toBe('to:worker-2');
    const predicted = (id: string) => record.candidates.find((candidate) => candidate.id === id)!.predicted[0]!;
    expect(predicted('stay').value).toBeCloseTo(76, -1);
    expect(Math.abs(predicted('stay').value - 76)).toBeLessThan(3);
    expect(Math.abs(predicted('to:worker-2').value - 43)).toBeLessThan(6);
    expect(predicted('to:worker-2').deviation).toBeGreaterThan(predicted('stay').deviation);
    expect(record.candidates.map(({ id, rejected }) => [id, rejected?.rule])).toEqual([
      ['to:master', 'control-plane'],
      ['stay', undefined],
      ['to:worker-2', undefined],
      ['to:worker-3', 'not-ready'],
      ['to:worker-4', 'heartbeat'],
    ]);
    expect(record.sentence).toMatch(
      /^Moved classifier from worker-1 to worker-2, because 3 people in view would have kept latency/,
    );
    expect(record.premises.find(({ id }) => id === 'covariate')).toMatchObject({ value: 3, usual: 1.5, range: [0, 14] });

    // A restart forgets nothing of it.
    const restored = relocateByLatency.create({});
    restored.restore?.(JSON.parse(JSON.stringify(policy.state?.())));
    expect(decided(bench, restored)?.margin).toBeCloseTo(record.margin!, 9);
  });

  test('stays while it cools down, when nothing else may be, and when elsewhere is worse; and says why', () => {
    const cooling = new Bench();
    const policy = run(cooling, [1, 2, 3, 3, 3, 3]);
    expect(decided(cooling, policy, cooling.now - 20_000)?.sentence).toMatch(/stays for another 40 s\.$/);
    expect(isAct(decided(cooling, policy, cooling.now - 61_000)!)).toBe(true);

    const forbidden = new Bench(application({ permitted_actions: [] }));
    const record = decided(forbidden, run(forbidden, [1, 2, 3, 3, 3, 3]))!;
    expect(record.margin).toBeNull();
    expect(record.candidates.find(({ id }) => id === 'to:worker-2')?.rejected).toEqual({
      rule: 'permitted_actions',
      reason: 'smart-camera does not permit component_relocation',
    });

    const best = new Bench(application(), 'worker-2');
    const stays = decided(best, run(best, [1, 2, 3, 5, 6, 6, 6, 6]))!;
    expect(stays.choice).toBe('stay');
    expect(stays.sentence).toMatch(/^Left classifier on worker-2: best option loses by \d\.\d\d, needs to win by 0\.10\.$/);
  });

  test('decides by a rule of thumb in mode 0, needs nothing learnt for it, and says which it was', () => {
    const bench = new Bench();
    for (const count of [1, 1, 3, 3, 3]) bench.second(count);
    const policy = relocateByLatency.create({});
    // Nothing was learnt.
    expect(decided(bench, policy)).toBeUndefined();
    bench.view.mode = 0;
    const record = decided(bench, policy)!;
    expect(record.choice).toBe('to:worker-2');
    const there = record.candidates.find(({ id }) => id === 'to:worker-2')!.predicted[0]!;
    // Half of 76 ms by the speed, and a tenth more for what else is there.
    expect(there.value).toBeCloseTo(76 / 2 / 0.9);
    expect(there.deviation).toBeGreaterThan(5);
    expect(record.premises.find(({ id }) => id === 'mode')).toMatchObject({
      value: 0,
      source: 'heuristics (set-mode 0); predicted by rule of thumb',
    });
    expect(record.sentence).toMatch(/^Moved classifier from worker-1 to worker-2, because .* latency at 76 ms/);
    const learnt = decided(bench, run(bench, [0, 1, 2, 3, 3, 3]))!;
    expect(learnt.premises.find(({ id }) => id === 'mode')?.source).toMatch(/heuristics/);
    bench.view.mode = 1;
    expect(decided(bench, run(bench, [0, 1, 2, 3, 3, 3]))!.premises.find(({ id }) => id === 'mode')?.source).toBe(
      'learnt models (set-mode 1); predicted by line, line of another node, by speed',
    );
    const taught = run(bench, [0, 1, 2, 3, 3, 3]);
    const [latency] = modelRowsOf([taught], 1);
    expect(latency).toMatchObject({
      name: 'frame_classify_latency_ms of smart-camera/classifier',
      policy: 'relocate-by-latency',
      unit: 'ms',
      state: 'predicting',
    });
    expect(latency?.predicts).toEqual({
      metric: 'frame_classify_latency_ms',
      application: 'smart-camera',
      component: 'classifier',
    });
    expect(latency?.places[0]).toMatchObject({
      node: 'worker-1',
      by: 'line',
      meanError: expect.any(Number),
      why: expect.stringMatching(/^the forest learns beside it: compared \d+ of 60 times/),
      weights: [
        { feature: 'Base', unit: 'ms' },
        { feature: 'People in view', unit: 'ms each' },
        { feature: 'Load of others', unit: 'ms at full load' },
      ],
    });
    expect(latency?.places[0]?.samples).toBeGreaterThan(3);
    expect(modelRowsOf([taught], 0)[0]).toMatchObject({ state: 'unused', reason: 'mode 0 decides by heuristics' });
  });

  test('energy counts once the power of every node in question is known', () => {
    const bench = new Bench();
    const policy = run(bench, [3]);
    const power = (value: number): Sample[] => [{ metric: 'power_w', value, source: 'simulated' }];
    const terms = () =>
      decided(bench, policy)
        ?.candidates.find(({ id }) => id === 'stay')
        ?.terms.map(({ name }) => name);
    for (let i = 0; i < 15; i++) {
      bench.second(3, { 'worker-1': power(40) });
      policy.learn?.(bench.input);
    }
    expect(terms()).toEqual(['QoS', 'Move']);
    for (let i = 0; i < 15; i++) {
      bench.second(3, { 'worker-1': power(40 + (i % 2)), 'worker-2': power(50) });
      policy.learn?.(bench.input);
    }
    expect(terms()).toEqual(['QoS', 'Energy', 'Move']);
  });
});

describe('static-placement', () => {
  test('places what others depend on first, by load and what is there already, within what the description asks for', () => {
    const bench = new Bench(application(), null);
    const policy = staticPlacement.create({});
    const triggers = policy.analyze(bench.input);
    expect(triggers.map(({ component }) => component)).toEqual(['classifier', 'camera']);
    const decided = () => decideOn(policy, policy.plan(bench.input, triggers[0]!)!, triggers[0]!, bench.now);
    // Nothing has been measured yet: the first by name.
    expect(decided().choice).toBe('on:worker-1');
    bench.window.add({
      agent: 'n',
      cluster: 'c',
      node: 'worker-1',
      time: bench.now,
      samples: [{ metric: 'cpu_used_ratio', value: 0.9 }],
    });
    expect(decided().choice).toBe('on:worker-2');

    const pinned = application();
    pinned.components[1]!.node_placement = { labels: ['camera=yes'] };
    const held = new Bench(pinned, null);
    const proposal = policy.plan(held.input, triggers[0]!)!;
    const record = decideOn(policy, proposal, triggers[0]!, held.now);
    expect(record.choice).toBe('stay');
    expect(record.candidates.find(({ id }) => id === 'on:worker-1')?.rejected?.reason).toBe('worker-1 has no label camera=yes');
  });
});

test('static-placement moves what its description has come to want elsewhere, and leaves what has nowhere to go', () => {
  const on = (node: string) => {
    const { components } = application();
    const bench = new Bench(
      application({ permitted_actions: [], components: [{ ...components[1]!, node_placement: { node } }] }),
    );
    const policy = staticPlacement.create({});
    const [trigger] = policy.analyze(bench.input);
    const proposal = trigger && policy.plan(bench.input, trigger);
    return { trigger, proposal, record: proposal && decideOn(policy, proposal, trigger, bench.now) };
  };
  expect(on('worker-1').trigger).toBeUndefined();
  const { trigger, proposal, record } = on('worker-2');
  expect(trigger).toMatchObject({ kind: 'misplaced', component: 'classifier' });
  expect(record?.sentence).toBe(
    'Moved classifier from worker-1 to worker-2, because classifier of smart-camera is on worker-1, but classifier must be on worker-2.',
  );
  const [first] = proposal?.commands(proposal.options.find(({ id }) => id === record?.choice)!) ?? [];
  expect(first).toEqual({
    mechanism: 'fluidity',
    command: {
      name: 'smart-camera',
      deployment_plan: { initial_plan: false, classifier: [{ action: 'move', src_host: 'worker-1', target_host: 'worker-2' }] },
    },
  });
  expect(isAct(on('worker-3').record!)).toBe(false);
});

describe('static-placement on lost nodes', () => {
  const camera = { application: 'smart-camera', component: 'camera', componentUid: 'y' };
  const together = [{ components: ['camera', 'classifier'], node: '*', labels: [], continuum_layer: ['*'] }];
  const on = (name: string, more: Partial<NodeSituation> = {}, actions?: ApplicationDescription['permitted_actions']) => {
    const bench = new Bench(application({ permitted_actions: actions, single_node: together as never }), name);
    bench.view.nodes = nodes.map((one) => (one.name === name ? { ...one, ...more } : one));
    bench.view.components.push({ ...camera, pin: name, pods: [] });
    const policy = staticPlacement.create({});
    const [trigger] = policy.analyze(bench.input);
    const proposal = trigger && policy.plan(bench.input, trigger);
    return { trigger, proposal, record: proposal && decideOn(policy, proposal, trigger, bench.now) };
  };

  test('what is pinned to a node that has left the cluster goes elsewhere, with what belongs to it, and needs no permission', () => {
    const { record } = on('worker-9', {}, []);
    expect(record?.sentence).toBe(
      'Moved camera from worker-9 to worker-1, because camera of smart-camera is on worker-9, which is not in the cluster any more.',
    );
    expect(record?.candidates.find(({ id }) => id === 'stay')?.label).toBe(
      'Stay on worker-9, which is not in the cluster any more',
    );
  });

  test('a node that has been dead for a while is left, unless the application forbids it', () => {
    const since = (s: number) => ({ ready: false, notReadySince: start - s * 1000 });
    expect(on('worker-1', since(59)).trigger).toBeUndefined();
    expect(on('worker-1', { ready: false }).trigger).toBeUndefined();
    for (const actions of [undefined, ['component_relocation' as const]]) {
      const { record } = on('worker-1', since(75), actions);
      expect(record?.sentence).toBe(
        'Moved camera from worker-1 to worker-2, because camera of smart-camera is on worker-1, which has not been ready for 75 s.',
      );
    }
    const { record } = on('worker-1', since(75), ['change_container_image']);
    expect(record?.choice).toBe('stay');
    expect(record?.candidates.find(({ id }) => id === 'on:worker-2')?.rejected?.reason).toBe(
      'smart-camera does not permit component_relocation',
    );
  });

  test('as long as no node is known, none is lost', () => {
    const bench = new Bench();
    bench.view.nodes = [];
    expect(
      staticPlacement
        .create({})
        .analyze(bench.input)
        .map(({ kind }) => kind),
    ).not.toContain('misplaced');
  });
});

describe('cluster-placement', () => {
  const member = (name: string, more: Partial<ContinuumSituation['members'][number]> = {}) => ({
    name,
    ready: true,
    reason: undefined,
    provider: undefined,
    region: undefined,
    kubernetesVersion: undefined,
    agentAlive: true,
    ...more,
  });
  test('takes a ready member that the description allows, the emptier one', () => {
    const policy = clusterPlacement.create({});
    const other = { uid: 'o', description: { ...application(), name: 'other' }, clusters: ['a'] };
    const view: ContinuumSituation = {
      members: [member('a'), member('b'), member('c', { ready: false, reason: 'gone' }), member('d', { agentAlive: false })],
      applications: [{ uid: 'u', description: application(), clusters: [] }, other],
      mechanisms: {},
      mode: 0,
    };
    const input = { now: start, agent: 'continuum', view, window: new SlidingWindow(1000) };
    const [trigger] = policy.analyze(input);
    const record = decideOn(policy, policy.plan(input, trigger!)!, trigger!, start);
    expect(record.choice).toBe('on:b');
    expect(record.candidates.map(({ rejected }) => rejected?.rule)).toEqual([
      undefined,
      undefined,
      undefined,
      'not-ready',
      'heartbeat',
    ]);
    view.applications[0]!.description = application({ cluster_placement: { cluster_id: ['a'] } });
    expect(decideOn(policy, policy.plan(input, trigger!)!, trigger!, start).choice).toBe('on:a');
  });
});

test('policies come from the config by name, with settings that are checked', () => {
  const factories = [staticPlacement, relocateByLatency];
  expect(createPolicies(factories, undefined).map(({ name }) => name)).toEqual(['static-placement', 'relocate-by-latency']);
  expect(createPolicies(factories, { 'relocate-by-latency': { margin: 0.2 } })).toHaveLength(1);
  expect(() => createPolicies(factories, { 'relocate-by-latency': { margn: 0.2 } })).toThrow(/margn/);
  expect(() => createPolicies(factories, { other: {} })).toThrow(
    'unknown policy "other"; known: static-placement, relocate-by-latency',
  );
});
