import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { configTrustRequestSchema } from '../bus/administration.ts';
import { type Aggregate, aggregateSchema } from '../bus/aggregates.ts';
import { MemoryBus } from '../bus/memory.ts';
import { type ApplicationStatus, applicationStatusSchema, heartbeatSchema, replySchema } from '../bus/messages.ts';
import { modelsAnswerSchema, modelsRequestSchema } from '../bus/models.ts';
import { subjects } from '../bus/subjects.ts';
import { agentConfigSchema, type Log, type RunningAgent } from '../config.ts';
import { type RunningContinuum, startContinuumAgentOn } from '../continuum.ts';
import { decisionRecordSchema } from '../decision/record.ts';
import { parseDescription } from '../descriptions/parse.ts';
import { memoryStateStore } from '../loop/state.ts';
import { startNodeAgent } from '../node.ts';
import type { ContinuumOrchestrator, PropagatedApplication } from '../orchestration/orchestrator.ts';
import { memorySettings } from '../settings.ts';
import { systemClock } from '../system-clock.ts';
import { CheckedClient } from './checked-client.fixture.ts';
import { endpoints } from './endpoints/table.ts';

/** Stands in for Karmada: what is submitted is placed at once, in memory. A double, for this file alone. */
class KarmadaDouble implements ContinuumOrchestrator {
  readonly described = new Map<string, PropagatedApplication>();
  start = async () => {};
  stop = () => {};
  onChange = () => ({ close: () => {} });
  members = () => [
    { name: 'cluster1', ready: true, reason: undefined, provider: 'private', region: undefined, kubernetesVersion: 'v1.34' },
  ];
  applications = () => [...this.described.values()];
  submit: ContinuumOrchestrator['submit'] = async (description) => {
    this.described.set(description.name, { description, uid: `uid-${description.name}`, clusters: ['cluster1'] });
    return `uid-${description.name}`;
  };
  place: ContinuumOrchestrator['place'] = async () => {};
  withdraw: ContinuumOrchestrator['withdraw'] = async (name) => this.described.delete(name);
}

const token = 'a-long-random-token';
const log: Log = () => {};
const common = { cluster: 'cluster1', heartbeatMs: 200, telemetryMs: 60_000 };
const bus = new MemoryBus();
let folder: string;
let continuum: RunningContinuum;
let client: CheckedClient;
let model: Server;
const owned: { close(): void }[] = [];
const agents: RunningAgent[] = [];

const measured = {
  name: 'worker-1',
  continuum_layer: 'edge',
  environment: { node_type: 'virtualized', os: 'ubuntu' },
  hardware: { cpu: { cores: 4, architecture: 'amd64' } },
};
const nodeYaml = (cores: number) => `
MLSysOpsNode:
  name: worker-1
  continuum_layer: edge
  cluster_id: cluster1
  environment: { node_type: virtualized, os: ubuntu }
  hardware: { cpu: { cores: ${cores}, architecture: amd64 } }
`;
const shop = `
MLSysOpsApp:
  name: shop
  components:
    - metadata: { name: front }
      qos_metrics: [{ application_metric_id: answer_latency_ms, target: 50, relation: lower_or_equal }]
  global_satisfaction: { threshold: 0.5, relation: greater_or_equal, achievement_weights: [{ metric_id: answer_latency_ms, weight: 1 }] }
`;

/** Stands in for a cluster agent: it beats, and answers what is asked of one about trust. */
function clusterAgentDouble(): void {
  let sequence = 0;
  const beat = () =>
    bus.publish(subjects.heartbeat('cluster1', 'cluster', 'cluster-cluster1'), heartbeatSchema, {
      agent: 'cluster-cluster1',
      layer: 'cluster',
      cluster: 'cluster1',
      time: Date.now(),
      sequence: sequence++,
      intervalMs: 200,
      version: '0.1.0',
      startedAt: 1,
    });
  owned.push(
    systemClock.every(200, beat),
    bus.answer(
      subjects.request('cluster-cluster1', 'config-trust'),
      configTrustRequestSchema,
      replySchema,
      async ({ weights }) => ({ ok: true as const, value: weights }),
    ),
  );
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mls-northbound-'));
  await writeFile(join(folder, 'token'), token);
  const config = agentConfigSchema.parse({
    ...common,
    agent: 'continuum',
    layer: 'continuum',
    cluster: 'management',
    stateFolder: folder,
    northbound: { port: 0, tokenFile: join(folder, 'token'), limit: { perSecond: 1000, burst: 10_000 } },
  });
  const memory = () => ({ store: memoryStateStore(), settings: memorySettings() });
  continuum = await startContinuumAgentOn({
    config,
    bus,
    clock: systemClock,
    log,
    orchestrator: new KarmadaDouble(),
    ...memory(),
  });
  clusterAgentDouble();
  const signals = {
    read: async () => [],
    describe: async () => ({
      hostname: 'worker-1',
      architecture: 'x64',
      cpuModel: 'x',
      cores: 4,
      frequencyGHz: [],
      memoryBytes: 8e9,
    }),
  };
  const nodeConfig = agentConfigSchema.parse({
    ...common,
    agent: 'node-worker-1',
    layer: 'node',
    node: 'worker-1',
    stateFolder: folder,
  });
  const described = parseDescription(nodeYaml(4), 'node');
  if (described.kind !== 'MLSysOpsNode') throw new Error('not a node');
  const options = { config: nodeConfig, bus, signals, clock: systemClock, log, description: described.value, ...memory() };
  agents.push(await startNodeAgent(options));
  client = await CheckedClient.open(`http://127.0.0.1:${continuum.northboundPort}`, token);
  await vi.waitFor(async () => expect((await client.call('GET', '/agents'))[1]).toHaveLength(3), { timeout: 10_000 });
  model = createServer((request, response) => {
    request.resume().on('end', () => {
      const body = request.url === '/prediction' ? { inference: '[38.2]', explanation: { people: 5, base_value: 33.2 } } : {};
      response.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => void model.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  for (const one of owned) one.close();
  model.closeAllConnections();
  model.close();
  await Promise.all([...agents, continuum].map((agent) => agent.stop()));
  await rm(folder, { recursive: true, force: true });
});

/** One span of five seconds of worker-1, as its cluster's agent tells it. */
const aggregate = (): Aggregate => ({
  agent: 'cluster-cluster1',
  cluster: 'cluster1',
  node: 'worker-1',
  time: Date.now(),
  spanMs: 5000,
  metrics: ['answer_latency_ms', 'requests_total', 'cpu_used_ratio', 'power_w'],
  groups: [
    {
      gauges: [
        [2, [5, 0.5]],
        [3, [5, 40]],
      ],
    },
    { application: 'shop', component: 'front', gauges: [[0, [3, 30]]], counters: [[1, [100, 900]]] },
  ],
});

test('applications: deployed, listed, told in detail and by what was measured, and removed', async () => {
  expect(await client.call('POST', '/apps/deploy', { body: shop })).toEqual([200, { application: 'shop', uid: 'uid-shop' }]);
  expect((await client.call('POST', '/apps/deploy', { body: nodeYaml(4) }))[0]).toBe(422);
  expect((await client.call('GET', '/apps/status/shop'))[0]).toBe(404);
  const status: ApplicationStatus = {
    application: 'shop',
    cluster: 'cluster1',
    time: 1,
    state: 'deployed',
    targets: [],
    components: [{ name: 'front', state: 'running', node: 'worker-1', pod: 'front-1', sendsTo: [] }],
  };
  await bus.publish(subjects.application('cluster1', 'shop'), applicationStatusSchema, status);
  await bus.publish(subjects.aggregate('cluster1', 'worker-1'), aggregateSchema, aggregate());
  const listed = await client.call('GET', '/apps/list_all/');
  expect(listed[1]).toEqual([{ application: 'shop', uid: 'uid-shop', clusters: ['cluster1'], state: 'deployed' }]);
  expect((await client.call('GET', '/apps/apps/details/uid-shop'))[1]).toMatchObject({
    description: { name: 'shop' },
    status: { state: 'deployed', components: [{ node: 'worker-1' }] },
  });
  expect((await client.call('GET', '/apps/performance/shop'))[1]).toMatchObject({
    metrics: [
      { metric: 'answer_latency_ms', component: 'front', count: 3, mean: 30, p95: 30 },
      { metric: 'requests_total', component: 'front', perSecond: 20 },
    ],
    targets: [{ metric: 'answer_latency_ms', target: 50, mean: 30, share: 1 }],
    satisfaction: { score: 1, threshold: 0.5, met: true },
  });
  expect((await client.call('GET', '/apps/performance/shop?window_s=0'))[0]).toBe(400);
  expect((await client.call('GET', '/apps/performance/shop?window=10'))[0]).toBe(400);
  expect((await client.call('GET', '/apps/performance/other'))[0]).toBe(404);
  expect((await client.call('DELETE', '/apps/remove/shop'))[0]).toBe(200);
  expect((await client.call('DELETE', '/apps/remove/shop'))[0]).toBe(404);
});

test('infrastructure: what is registered is held against what is there', async () => {
  const found = await client.call('GET', '/infra/list?type=Node');
  expect(found[1]).toEqual([{ type: 'node', id: 'worker-1', registered: false, found: true, alive: true, parent: 'cluster1' }]);
  const wrong = await client.call('POST', '/infra/register', { body: nodeYaml(8) });
  expect(wrong[1]).toMatchObject({ type: 'node', id: 'worker-1', replaced: false, found: true });
  expect(wrong[1]).toMatchObject({ differences: [{ path: 'hardware.cpu.cores', described: 8, measured: 4 }] });
  const right = await client.call('POST', '/infra/register', {
    body: { yaml: { MLSysOpsNode: { ...measured, cluster_id: 'cluster1' } } },
  });
  expect(right[1]).toMatchObject({ replaced: true, differences: [] });
  expect((await client.call('POST', '/infra/register', { body: shop }))[0]).toBe(422);
  const datacenter = 'MLSysOpsDatacenter: { datacenter_id: athens, cluster_id: cluster1, city: Athens }';
  expect((await client.call('POST', '/infra/register', { body: datacenter }))[1]).toMatchObject({
    type: 'datacenter',
    found: true,
  });
  expect((await client.call('POST', '/infra/register', { body: 'MLSysOpsCluster: { cluster_id: away }' }))[1]).toMatchObject({
    found: false,
  });
  await bus.publish(subjects.aggregate('cluster1', 'worker-1'), aggregateSchema, aggregate());
  expect((await client.call('GET', '/infra/node/worker-1'))[1]).toMatchObject({
    registered: true,
    measured: { hardware: { cpu: { cores: 4 } } },
    agent: { agent: 'node-worker-1', alive: true },
    metrics: [
      { metric: 'cpu_used_ratio', mean: 0.5 },
      { metric: 'power_w', mean: 40 },
    ],
  });
  expect((await client.call('GET', '/infra/cluster/cluster1'))[1]).toMatchObject({
    parent: 'athens',
    alive: true,
    member: { ready: true, provider: 'private' },
    nodes: ['worker-1'],
    agents: [{ agent: 'cluster-cluster1' }, { agent: 'node-worker-1' }],
    metrics: [{ metric: 'cpu_used_ratio' }, { metric: 'power_w' }],
  });
  expect((await client.call('GET', '/infra/datacenter/athens'))[1]).toMatchObject({
    clusters: [{ id: 'cluster1' }],
    nodes: [{ id: 'worker-1' }],
  });
  expect((await client.call('DELETE', '/infra/unregister/away'))[1]).toEqual({ type: 'cluster', id: 'away' });
  expect((await client.call('DELETE', '/infra/unregister/away'))[0]).toBe(404);
  expect((await client.call('GET', '/infra/cluster/away'))[0]).toBe(404);
});

test('models: one that serves answers, one that does not is told as failing, an image is left to a later day', async () => {
  const endpoint = `http://127.0.0.1:${(model.address() as AddressInfo).port}`;
  const register = (body: object) => client.call('POST', '/ml/deploy_ml', { body });
  const serving = await register({ name: 'latency', kind: 'regression', endpoint, example: { people: 5 } });
  expect(serving[1]).toMatchObject({ state: 'serving', reason: null });
  expect((await register({ name: 'plain', endpoint }))[1]).toMatchObject({ state: 'reachable' });
  // A port that nothing listens on.
  expect((await register({ name: 'gone', endpoint: 'http://127.0.0.1:1' }))[1]).toMatchObject({ state: 'failing' });
  expect((await register({ name: 'image', image: 'registry/model:1' }))[0]).toBe(501);
  expect((await register({ name: 'file', endpoint: 'file:///etc/passwd' }))[0]).toBe(400);
  const { uid } = z.object({ uid: z.string() }).parse(serving[1]);
  expect((await client.call('POST', `/ml/predict/${uid}`, { body: { data: { people: 5 } } }))[1]).toEqual({
    inference: 38.2,
    explanation: { base: 33.2, contributions: { people: 5 } },
  });
  expect((await client.call('POST', '/ml/predict/gone', { body: { data: { people: 5 } } }))[0]).toBe(502);
  expect((await client.call('GET', '/ml/list_all?kind=regression'))[1]).toMatchObject([{ name: 'latency', uid }]);
  expect((await client.call('GET', '/ml/status/plain'))[1]).toMatchObject({ state: 'reachable' });
  // Agents tell them on the bus as well, each asked now; for the window of the app.
  const told = await bus.request(subjects.request('continuum', 'models'), modelsRequestSchema, {}, replySchema, 5000);
  if (!told.ok) throw new Error(told.error);
  const { models } = modelsAnswerSchema.parse(told.value);
  expect(models.map(({ name, state, kind }) => [name, state, kind])).toEqual([
    ['gone', 'failing', 'served over HTTP'],
    ['latency', 'serving', 'regression'],
    ['plain', 'reachable', 'served over HTTP'],
  ]);
  expect(models[1]).toMatchObject({ id: uid, origin: 'registered', endpoint, policy: null, reason: null });
  expect((await client.call('DELETE', '/ml/remove/latency'))[1]).toEqual({ uid, name: 'latency' });
  expect((await client.call('GET', `/ml/status/${uid}`))[0]).toBe(404);
});

test('management and agents: ping, mode, targets, trust, policies and settings reach the agents, and changes are told', async () => {
  expect((await client.call('GET', '/manage/ping?agent=node-worker-1'))[1]).toMatchObject({
    status: 'ok',
    answered: [{ agent: 'node-worker-1', layer: 'node', node: 'worker-1' }],
  });
  // The double of the cluster agent answers no ping.
  expect((await client.call('GET', '/manage/ping'))[1]).toMatchObject({
    status: 'degraded',
    silent: [{ agent: 'cluster-cluster1' }],
  });
  expect((await client.call('GET', '/manage/ping?agent=nobody'))[0]).toBe(404);
  expect((await client.call('PUT', '/manage/mode/1'))[1]).toMatchObject({
    mode: 1,
    agents: [
      { agent: 'cluster-cluster1', ok: false },
      { agent: 'continuum', ok: true, answer: { mode: 1, before: 1 } },
      { agent: 'node-worker-1', ok: true },
    ],
  });
  expect((await client.call('GET', '/agents/continuum'))[1]).toMatchObject({ alive: true, policies: { mode: 1 } });
  expect((await client.call('PUT', '/manage/mode/2'))[0]).toBe(400);

  const targets = [{ metric: 'power_w', target: 50, relation: 'lower_or_equal' }];
  expect((await client.call('PUT', '/manage/system_target', { body: { targets } }))[1]).toMatchObject({ changed: true });
  expect((await client.call('GET', '/manage/system_target'))[1]).toEqual({ targets: [{ ...targets[0], mean: 40, met: true }] });
  const weights = { identity: 0.5, behaviour: 0.5 };
  expect((await client.call('PUT', '/manage/trust', { body: { nodes: [], weights } }))[1]).toEqual({
    agents: [{ agent: 'cluster-cluster1', ok: true, answer: weights }],
  });

  const path = '/agents/continuum/policies/cluster-placement';
  const before = await client.call('GET', '/agents/continuum');
  expect(before[1]).toMatchObject({ policies: { policies: [{ name: 'cluster-placement' }] } });
  expect((await client.call('PUT', path, { body: { settings: { nonsense: 1 } } }))[0]).toBe(422);
  expect((await client.call('PUT', path, { body: {} }))[0]).toBe(422);
  expect((await client.call('PUT', '/agents/continuum/policies/..%2fx', { body: { settings: {} } }))[0]).toBe(400);
  expect((await client.call('DELETE', path))[1]).toMatchObject({ changed: true });
  expect((await client.call('GET', '/agents/continuum'))[1]).toMatchObject({ policies: { policies: [] } });
  expect((await client.call('PUT', path, { body: { settings: {} } }))[1]).toMatchObject({ changed: true, takesEffect: 'now' });

  expect((await client.call('GET', '/agents/continuum/policies'))[1]).toMatchObject({
    mode: 1,
    policies: [{ name: 'cluster-placement', kind: 'shipped', state: 'deciding', error: null }],
  });
  expect((await client.call('GET', path))[1]).toMatchObject({
    settings: {},
    settingsSchema: { properties: { crowdWeight: { default: 0.02 } } },
    source: null,
  });
  expect((await client.call('GET', '/agents/continuum/policies/other'))[0]).toBe(422);
  expect((await client.call('POST', `${path}/try`, { body: { settings: { crowdWeight: 0.01 } } }))[1]).toMatchObject({
    version: '1',
    triggers: [],
  });

  const config = await client.call('PUT', '/agents/node-worker-1/config', { body: { settings: { telemetryMs: 5000 } } });
  expect(config[1]).toMatchObject({
    changed: true,
    takesEffect: 'restart',
    diff: expect.stringContaining('+  "telemetryMs": 5000'),
  });
  expect((await client.call('PUT', '/agents/node-worker-1/config', { body: { settings: { stateFolder: '/' } } }))[0]).toBe(422);
  expect((await client.call('DELETE', '/agents/node-worker-1/config/telemetryMs'))[1]).toMatchObject({ changed: true });
  expect((await client.call('GET', '/framework/status'))[1]).toMatchObject({
    layers: [
      { layer: 'continuum', alive: 1 },
      { layer: 'cluster', alive: 1 },
      { layer: 'node', alive: 1 },
    ],
    clusters: [{ id: 'cluster1', ready: true }],
  });
});

test('events: as they happen, and after a break from where it was', async () => {
  const first = await listen({});
  const record = decisionRecordSchema.parse({
    id: 'd1',
    revision: 0,
    time: 1,
    agent: { id: 'cluster-cluster1', layer: 'cluster', cluster: 'cluster1' },
    policy: { name: 'p', version: '1' },
    application: 'shop',
    trigger: { kind: 'k', text: 't' },
    premises: [],
    candidates: [{ id: 'stay', label: 'Stay', action: { kind: 'stay' }, predicted: [], terms: [], score: 0 }],
    choice: 'stay',
    stay: 'stay',
    margin: null,
    neededMargin: 0,
    exploration: false,
    horizonS: 1,
    expected: [],
    title: 'Stays\nput',
    sentence: 's',
  });
  const decide = (id: string) =>
    bus.publish(subjects.decision('cluster1', 'cluster', 'cluster-cluster1'), decisionRecordSchema, { ...record, id });
  await decide('d1');
  await vi.waitFor(() => expect(first.events).toHaveLength(1));
  expect(first.events[0]).toMatchObject({
    event: 'decision',
    data: { kind: 'decision', decision: { id: 'd1', title: 'Stays\nput' } },
  });
  first.close();
  await decide('d2');
  await agents[0]!.stop();
  const second = await listen({ lastEventId: first.events[0]!.id });
  // The node's agent fell silent, and is told so once.
  const kinds = () =>
    second.events.map(({ data }) => (data.kind === 'agent' ? `${data.agent.agent} ${data.agent.alive}` : data.decision?.id));
  await vi.waitFor(() => expect(kinds()).toEqual(['d2', 'node-worker-1 false']), { timeout: 10_000 });
  second.close();
  const stranger = await listen({ lastEventId: '00000000-5', kinds: 'decision' });
  await vi.waitFor(() => expect(stranger.events.map(({ event }) => event)).toEqual(['gap', 'decision', 'decision']));
  stranger.close();
});

test('every operation of the document was seen to answer as it says', () => {
  const calls = Object.entries(endpoints).flatMap(([name, one]) => ('stream' in one ? [] : [name]));
  const seen = new Set([...client.succeeded].map((name) => name.replace(/\.\d$/, '')));
  expect(calls.filter((name) => !seen.has(name))).toEqual(['apps.status']);
});

interface Heard {
  id: string;
  event: string;
  data: { kind: string; decision: { id: string }; agent: { agent: string; alive: boolean } };
}

/** A listener to /events that does as browsers do. */
async function listen({
  lastEventId,
  kinds,
}: {
  lastEventId?: string;
  kinds?: string;
}): Promise<{ events: Heard[]; close(): void }> {
  const gone = new AbortController();
  const query = kinds === undefined ? '' : `?kinds=${kinds}`;
  const response = await fetch(`http://127.0.0.1:${continuum.northboundPort}/events${query}`, {
    headers: { authorization: `Bearer ${token}`, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) },
    signal: gone.signal,
  });
  const events: Heard[] = [];
  const read = async (): Promise<void> => {
    let text = '';
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString();
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string) =>
          block
            .split('\n')
            .find((line) => line.startsWith(`${name}: `))
            ?.slice(name.length + 2);
        const data = field('data');
        if (data !== undefined) events.push({ id: field('id') ?? '', event: field('event') ?? '', data: JSON.parse(data) });
      }
    }
  };
  void read().catch(() => {});
  return { events, close: () => gone.abort() };
}
