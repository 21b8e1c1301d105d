import { expect, test, vi } from 'vitest';
import { aggregateSchema } from './bus/aggregates.ts';
import { MemoryBus } from './bus/memory.ts';
import {
  type ApplicationStatus,
  applicationStatusSchema,
  type Heartbeat,
  heartbeatSchema,
  replySchema,
  type Sample,
} from './bus/messages.ts';
import { deployRequestSchema, listRequestSchema, removeRequestSchema } from './bus/requests.ts';
import { subjects } from './bus/subjects.ts';
import { startClusterAgentOn } from './cluster.ts';
import { agentConfigSchema, type Log } from './config.ts';
import { startContinuumAgentOn } from './continuum.ts';
import { type DecisionRecord, decisionRecordSchema } from './decision/record.ts';
import type { ApplicationDescription } from './descriptions/application.ts';
import { explain } from './explanation/shapley.ts';
import { rescore } from './explanation/what-if.ts';
import { memoryStateStore } from './loop/state.ts';
import { startNodeAgent } from './node.ts';
import type {
  ClusterOrchestrator,
  ComponentView,
  ContinuumOrchestrator,
  DescribedApplication,
  PropagatedApplication,
} from './orchestration/orchestrator.ts';
import { systemClock } from './system-clock.ts';
import { asTelemetry } from './telemetry/aggregates.ts';

/** Stands in for one Kubernetes cluster and for Karmada: placements happen at once, in memory. A double, for this file alone. */
class ContinuumDouble {
  readonly described = new Map<string, PropagatedApplication>();
  readonly components: ComponentView[] = [];
  readonly listeners = new Set<() => void>();
  #pods = 0;

  changed(): void {
    for (const listener of this.listeners) listener();
  }
  onChange = (listener: () => void) => {
    this.listeners.add(listener);
    return { close: () => void this.listeners.delete(listener) };
  };

  pod(node: string, planUid: string): ComponentView['pods'][number] {
    const uid = `pod-${this.#pods++}`;
    const state = { ready: true, phase: 'Running', leaving: false, reason: undefined, createdAt: Date.now() };
    return { name: uid, uid, node, ip: '10.0.0.1', ...state, planUid, metricsPort: 9100 };
  }

  readonly karmada: ContinuumOrchestrator = {
    start: async () => {},
    stop: () => {},
    onChange: this.onChange,
    members: () => [
      { name: 'cluster1', ready: true, reason: undefined, provider: undefined, region: undefined, kubernetesVersion: 'v1' },
      {
        name: 'cluster2',
        ready: false,
        reason: 'cannot be reached',
        provider: undefined,
        region: undefined,
        kubernetesVersion: 'v1',
      },
    ],
    applications: () => [...this.described.values()],
    submit: async (description: ApplicationDescription) => {
      this.described.set(description.name, { description, uid: `uid-${description.name}`, clusters: [] });
      this.changed();
      return `uid-${description.name}`;
    },
    place: async (application, clusters) => {
      const known = this.described.get(application)!;
      this.described.set(application, { ...known, clusters });
      this.changed();
    },
    withdraw: async (application) => {
      const found = this.described.delete(application);
      this.changed();
      return found;
    },
  };

  readonly reported: string[] = [];
  readonly cluster: ClusterOrchestrator = {
    start: async () => {},
    stop: () => {},
    onChange: this.onChange,
    nodes: () =>
      ['master', 'worker-1', 'worker-2'].map((name) => ({
        name,
        ready: true,
        unschedulable: false,
        labels: { 'kubernetes.io/hostname': name },
        taints: name === 'master' ? [{ key: 'node-role.kubernetes.io/control-plane', value: '', effect: 'NoSchedule' }] : [],
        cores: 4,
        memoryBytes: 4e9,
      })),
    applications: () => [...this.described.values()].filter(({ clusters }) => clusters.includes('cluster1')),
    describedNames: () => this.cluster.applications().map(({ description }) => description.name),
    components: () => [...this.components],
    deploy: async ({ description }: DescribedApplication, component, node, planUid) => {
      const pods = [this.pod(node, planUid)];
      this.components.push({ application: description.name, component, componentUid: component, pin: node, pods });
      this.changed();
    },
    pin: async (application, component, node, planUid) => {
      const index = this.components.findIndex((one) => one.application === application && one.component === component);
      this.components[index] = { ...this.components[index]!, pin: node, pods: [this.pod(node, planUid)] };
      this.changed();
    },
    remove: async (application, component) => {
      const index = this.components.findIndex((one) => one.application === application && one.component === component);
      if (index >= 0) this.components.splice(index, 1);
      this.changed();
    },
    respec: () => Promise.reject(new Error('not in this double')),
    report: async (application, { phase, ready }) => void this.reported.push(`${application} ${phase} ${ready}`),
  };
}

const smartCamera = `
MLSysOpsApp:
  name: smart-camera
  cluster_placement: { cluster_id: ["*"], instances: 1 }
  permitted_actions: [component_relocation]
  components:
    - metadata: { name: classifier }
      node_placement: { continuum_layer: ["*"] }
      qos_metrics:
        - { application_metric_id: frame_classify_latency_ms, target: 50, relation: lower_or_equal }
      containers: [{ image: classifier }]
`;

test('three agents together place an application, move what violates its target, explain both, and remove it', async () => {
  const double = new ContinuumDouble();
  const bus = new MemoryBus({ onInvalid: (subject, error) => expect.fail(`${subject}: ${error.message}`) });
  const problems: string[] = [];
  const log: Log = (level, text, details) => {
    if (level !== 'info') problems.push(`${text} ${JSON.stringify(details)}`);
  };
  const decisions = new Map<string, DecisionRecord>();
  const history: DecisionRecord[] = [];
  const statuses: ApplicationStatus[] = [];
  const heartbeats = new Map<string, Heartbeat>();
  bus.subscribe(subjects.all.decisions, decisionRecordSchema, (record) => {
    decisions.set(record.id, record);
    history.push(record);
  });
  bus.subscribe(subjects.all.applications, applicationStatusSchema, (status) => statuses.push(status));
  /** Mean latency of each span, as it is told upwards. */
  const toldUpwards: number[] = [];
  bus.subscribe(subjects.all.aggregates, aggregateSchema, (aggregate) => {
    const latency = asTelemetry(aggregate).samples.find(({ metric }) => metric === 'frame_classify_latency_ms');
    if (latency) toldUpwards.push(latency.value);
  });
  bus.subscribe(subjects.all.heartbeats, heartbeatSchema, (heartbeat) => heartbeats.set(heartbeat.agent, heartbeat));

  const config = (agent: string, layer: string, cluster: string, more: Record<string, unknown> = {}) =>
    agentConfigSchema.parse({ agent, layer, cluster, heartbeatMs: 50, telemetryMs: 50, ...more });
  const people = 3;
  const tracked = new Map<string, number>();
  const nodeAgent = (node: string, frequencyGHz: number) =>
    startNodeAgent({
      config: config(`node-${node}`, 'node', 'cluster1', { node }),
      bus,
      clock: systemClock,
      log,
      signals: {
        describe: async () => ({
          hostname: node,
          architecture: 'x64',
          cpuModel: 'double',
          cores: 4,
          frequencyGHz: [1, frequencyGHz],
          memoryBytes: 4e9,
        }),
        track: (components) => tracked.set(node, components.length),
        read: async (): Promise<Sample[]> => {
          const runsHere = double.components.some(({ component, pin }) => component === 'classifier' && pin === node);
          const application = { application: 'smart-camera', component: 'classifier' };
          const own: Sample[] = [
            { metric: 'frame_classify_latency_ms', value: 10 + ((22 * 1.8) / frequencyGHz) * people, ...application },
            { metric: 'people_in_view', value: people, ...application },
            { metric: 'component_cpu_cores', value: 0.8, ...application },
          ];
          return [{ metric: 'cpu_used_ratio', value: runsHere ? 0.35 : 0.05 }, ...(runsHere ? own : [])];
        },
      },
    });
  const policies = { 'static-placement': {}, 'relocate-by-latency': { holdS: 0.3, horizonS: 1.2 } };
  const store = memoryStateStore();
  const agents = [
    await nodeAgent('worker-1', 1.8),
    await nodeAgent('worker-2', 3.6),
    await startClusterAgentOn({
      config: config('cluster-cluster1', 'cluster', 'cluster1', { policies, aggregateMs: 200 }),
      bus,
      clock: systemClock,
      log,
      orchestrator: double.cluster,
      store,
    }),
    await startContinuumAgentOn({
      config: config('continuum', 'continuum', 'management'),
      bus,
      clock: systemClock,
      log,
      orchestrator: double.karmada,
      store: memoryStateStore(),
    }),
  ];

  const ask = (verb: string, schema: Parameters<typeof bus.request>[1], value: unknown) =>
    bus.request(subjects.request('continuum', verb), schema, value, replySchema, 2000);
  expect(await ask('deploy', deployRequestSchema, { description: smartCamera })).toEqual({
    ok: true,
    value: { application: 'smart-camera', uid: 'uid-smart-camera' },
  });
  expect(await ask('deploy', deployRequestSchema, { description: 'MLSysOpsApp: {nme: x}' })).toMatchObject({ ok: false });

  const find = (kind: string) =>
    [...decisions.values()].find(({ candidates, choice }) => {
      const chosen = candidates.find(({ id }) => id === choice);
      return chosen?.action.kind === kind;
    });
  await vi.waitFor(() => expect(find('move')?.plan?.status).toBe('completed'), { timeout: 10_000, interval: 20 });

  const cluster = find('placeOnCluster')!;
  expect(cluster.sentence).toBe(
    'Placed smart-camera on cluster1, because it is the only cluster that qualifies (1 ruled out: cluster2 is not ready: cannot be reached).',
  );
  const first = find('deploy')!;
  expect(first.title).toBe('Placed classifier on worker-1');
  expect(first.candidates.find(({ id }) => id === 'on:master')?.rejected?.rule).toBe('control-plane');

  const move = find('move')!;
  expect(move.sentence).toMatch(
    /^Moved classifier from worker-1 to worker-2, because .* would have kept latency at 7\d(\.\d)? ms, over the 50 ms target; predicted .*\.$/,
  );
  expect(move.plan?.steps.map(({ title }) => title)).toEqual([
    'Pin classifier to worker-2',
    'Start classifier on worker-2',
    'End classifier on worker-1',
  ]);
  expect(rescore(move, { covariate: 0 }).choice).toBe('stay');
  expect(explain(move)?.margin).toBeCloseTo(move.margin!, 9);
  const revisions = history.filter(({ id }) => id === move.id).map(({ revision, plan }) => [revision, plan?.status]);
  expect(revisions[0]).toEqual([0, 'queued']);
  expect(revisions.map(([revision]) => revision)).toEqual(revisions.map((_, index) => index));

  // The plan's id on the pod joins the decision to what it did.
  expect(double.components[0]?.pods[0]?.planUid).toBe(move.plan?.id);
  await vi.waitFor(() => expect(decisions.get(move.id)?.actual).toBeDefined(), { timeout: 8000, interval: 50 });
  const { outcomes } = decisions.get(move.id)!.actual!;
  expect(outcomes[0]).toMatchObject({ metric: 'frame_classify_latency_ms', unit: 'ms' });
  expect(outcomes[0]!.value).toBeCloseTo(43, 5);
  expect(store.current()?.lastChange['smart-camera/classifier']).toBe(move.time);

  expect([...heartbeats.keys()].sort()).toEqual(['cluster-cluster1', 'continuum', 'node-worker-1', 'node-worker-2']);
  await vi.waitFor(() => expect(tracked.get('worker-2')).toBe(1), { timeout: 5000 });
  expect(statuses.at(-1)).toMatchObject({
    state: 'deployed',
    targets: [{ metric: 'frame_classify_latency_ms', target: 50, unit: 'ms' }],
    components: [{ name: 'classifier', node: 'worker-2', state: 'running' }],
  });
  // Before the move and after it.
  expect(Math.max(...toldUpwards)).toBeCloseTo(76, 4);
  expect(Math.min(...toldUpwards)).toBeCloseTo(43, 4);
  expect(double.reported.at(-1)).toBe('smart-camera Deployed 1/1');
  expect(await ask('list', listRequestSchema, {})).toEqual({
    ok: true,
    value: [{ application: 'smart-camera', uid: 'uid-smart-camera', clusters: ['cluster1'] }],
  });
  expect(await ask('remove', removeRequestSchema, { application: 'smart-camera' })).toMatchObject({ ok: true });
  await vi.waitFor(() => expect(statuses.at(-1)?.state).toBe('removed'), { timeout: 5000 });
  expect(double.components).toEqual([]);

  for (const agent of agents) await agent.stop();
  expect(problems).toEqual([]);
});
