import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DecisionRecord } from '../../agents/decision/record.ts';
import { testbedSchema } from '../../provisioning/testbed/schema.ts';
import type { Topology } from '../contract/topology.ts';
import { Store } from '../store/store.ts';
import { ClusterState, quantity } from './cluster-state.ts';
import { Incoming, type TestbedLink } from './link/link.ts';
import { Live } from './live.ts';
import { TestbedFolder } from './testbed-folder.ts';

let folder: string;
let store: Store;
let live: Live;
let now: number;
let ownTime = false;
/** The far end of a link in memory: what a bus would bring goes in here. */
let incoming: Incoming;
let opened: number;
let closed: number;
const logged: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mls-live-'));
  store = await Store.open(join(folder, 'store.duckdb'), (text) => logged.push(text));
  now = 1_800_000_000_000;
  opened = 0;
  closed = 0;
  const testbed = testbedSchema.parse({
    name: 'lab',
    kind: 'hosts',
    hosts: [{ name: 'm', address: '192.0.2.1', role: 'management', cluster: 'management' }],
    clusters: {},
  });
  live = new Live({
    entry: {
      folder: new TestbedFolder(folder),
      testbed,
      remembered: { state: 'up', createdAt: 0, lastRun: null, doubles: ['kubelet: a double'] },
    },
    store,
    now: () => now,
    ownTime,
    idleMs: 10,
    log: (text) => logged.push(text),
    openLink: async (): Promise<TestbedLink> => {
      opened++;
      incoming = new Incoming((text) => logged.push(text));
      return {
        ...incoming.listeners(),
        request: async () => ({ ok: true, value: null }),
        catchUp: async () => {},
        close: async () => void closed++,
      };
    },
    makeClusterState: (onChange) =>
      new ClusterState({ clusters: ['management'], onChange, reach: () => Promise.reject(new Error('no API in this test')) }),
  });
});
afterEach(async () => {
  await live.close();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const beat = (sequence: number) =>
  incoming.take('mls.heartbeat.management.node.node-m', {
    agent: 'node-m',
    layer: 'node',
    cluster: 'management',
    node: 'm',
    time: 5,
    sequence,
    intervalMs: 1000,
    version: '1',
    startedAt: 1,
  });
const tell = (value: number, time = now) =>
  incoming.take('mls.telemetry.management.m', {
    agent: 'node-m',
    cluster: 'management',
    node: 'm',
    time,
    samples: [
      { metric: 'cpu_used_ratio', value },
      { metric: 'load_1m', value: 1 },
    ],
  });
const decision = (id: string, revision: number): DecisionRecord => ({
  id,
  revision,
  time: now,
  agent: { id: 'continuum', layer: 'continuum', cluster: 'management' },
  policy: { name: 'test', version: '1' },
  trigger: { kind: 'test', text: 'a test' },
  premises: [],
  candidates: [{ id: 'stay', label: 'Stay', action: { kind: 'stay' }, predicted: [], terms: [], score: 0 }],
  choice: 'stay',
  stay: 'stay',
  margin: null,
  neededMargin: 0.1,
  exploration: false,
  horizonS: 30,
  expected: [],
  title: 'Stayed',
  sentence: 'Stayed.',
});
const decide = (id: string, revision: number) =>
  incoming.take('mls.decision.management.continuum.continuum', decision(id, revision));

test('the picture shows who lives, falls silent when they do, and is sent on change alone', async () => {
  const abort = new AbortController();
  const pictures: Topology[] = [];
  const watching = live.watchTopology(async (topology) => void pictures.push(topology), abort.signal);
  await expect.poll(() => pictures.length).toBe(1);
  expect(pictures[0]).toMatchObject({ nodes: [{ name: 'm', ready: null }], agents: [], doubles: ['kubelet: a double'] });
  beat(1);
  tell(0.5);
  await expect
    .poll(() => pictures.at(-1))
    .toMatchObject({
      agents: [{ agent: 'node-m', alive: true, lastHeartbeat: now }],
      readings: { 'cpu_used_ratio|m|': { value: 0.5, time: now } },
    });
  const sent = pictures.length;
  tell(0.5);
  now += 3000;
  beat(2);
  await expect.poll(() => pictures.length, { timeout: 5000 }).toBeGreaterThan(sent);
  expect(pictures.at(-1)?.agents[0]?.alive).toBe(true);
  // Three beats and nothing heard.
  now += 3001;
  await expect.poll(() => pictures.at(-1)?.agents[0]?.alive, { timeout: 5000 }).toBe(false);
  abort.abort();
  await watching;
});

test('readings go to who wants them and into the store; what does not fit is told', async () => {
  const abort = new AbortController();
  const readings: { key: { metric: string }; value: number }[] = [];
  const watching = live.watchTelemetry(
    (metric) => metric === 'cpu_used_ratio',
    async (batch) => void readings.push(...batch),
    abort.signal,
  );
  await expect.poll(() => opened).toBe(1);
  await expect
    .poll(() => {
      tell(0.25);
      return readings.length;
    })
    .toBeGreaterThan(0);
  expect(new Set(readings.map(({ key, value }) => `${key.metric} ${value}`))).toEqual(new Set(['cpu_used_ratio 0.25']));
  const [series] = await store.telemetry.query({ metrics: ['load_1m'], from: now, to: now, stepMs: 1000 });
  expect(series?.values).toEqual([1]);
  incoming.take('mls.telemetry.management.m', { nonsense: true });
  expect(logged.at(-1)).toMatch(/mls.telemetry.management.m does not fit/);
  abort.abort();
  await watching;
});

test('a decision is told once a revision, however often it comes', async () => {
  const abort = new AbortController();
  const told: string[] = [];
  const watching = live.watchDecisions(async ({ id, revision }) => void told.push(`${id}${revision}`), abort.signal);
  await expect.poll(() => opened).toBe(1);
  await expect
    .poll(() => {
      decide('a', 0);
      return told.length;
    })
    .toBe(1);
  decide('a', 1);
  decide('a', 0);
  decide('b', 0);
  decide('a', 1);
  await expect.poll(() => told).toEqual(['a0', 'a1', 'b0']);
  expect(await store.decisions.get('a')).toEqual(decision('a', 1));
  abort.abort();
  await watching;
});

test('the link is closed when nobody has watched for a while, and opened again for the next', async () => {
  const first = await live.hold();
  const second = await live.hold();
  first.close();
  first.close();
  expect([opened, closed]).toEqual([1, 0]);
  second.close();
  await expect.poll(() => closed).toBe(1);
  (await live.hold()).close();
  expect(opened).toBe(2);
});

describe('of a testbed with a time of its own', () => {
  beforeAll(() => {
    ownTime = true;
  });
  afterAll(() => {
    ownTime = false;
  });

  test('how it stood is kept by that time', async () => {
    const hold = await live.hold();
    tell(0.25, 50_000);
    beat(1);
    await expect.poll(async () => (await store.pictures.at(50_000))?.picture?.agents.length, { timeout: 5000 }).toBe(1);
    expect(await store.pictures.at(49_999)).toBeNull();
    hold.close();
    await expect.poll(() => closed).toBe(1);
    // From then on nobody listened.
    await expect.poll(async () => (await store.pictures.at(60_000))?.picture).toBeNull();
    expect((await store.pictures.at(60_000))?.time).toBe(50_001);
  });
});

test('quantities of Kubernetes', () => {
  expect(['4', '500m', '6291456Ki', '1.5Gi', '2G', 'x', undefined].map(quantity)).toEqual([
    4,
    0.5,
    6_442_450_944,
    1_610_612_736,
    2e9,
    null,
    null,
  ]);
});
