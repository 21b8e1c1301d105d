import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { recordAnswerSchema, recordingAnswerSchema, recordingsAnswerSchema } from './bus/administration.ts';
import { MemoryBus } from './bus/memory.ts';
import { replySchema } from './bus/messages.ts';
import { subjects } from './bus/subjects.ts';
import { agentConfigSchema } from './config.ts';
import { constant } from './decision/expression.ts';
import { type DecisionRecord, isAct } from './decision/record.ts';
import { applicationSchema } from './descriptions/application.ts';
import { type JsonChange, jsonChanges, withChanges } from './loop/json-changes.ts';
import { AutonomicLoop } from './loop/loop.ts';
import { replay } from './loop/replay.ts';
import { memoryStateStore } from './loop/state.ts';
import { ManualClock } from './manual-clock.ts';
import type { Mechanism } from './mechanisms/mechanism.ts';
import { placementCommandSchema } from './mechanisms/placement.ts';
import type { PodView } from './orchestration/pod-view.ts';
import { expectingPlacements } from './policies/expecting.ts';
import type { Policy } from './policies/policy.ts';
import { PolicySet } from './policies/policy-set.ts';
import { relocateByLatency } from './policies/relocate-by-latency.ts';
import type { ClusterSituation, NodeSituation } from './policies/situation.ts';
import { staticPlacement } from './policies/static-placement.ts';
import { Recordings } from './recordings.ts';
import { replayFile } from './replay-file.ts';
import { SlidingWindow } from './telemetry/window.ts';

const factories = [staticPlacement, relocateByLatency];
const components = ['front', 'left', 'right'];

/** A cluster of three nodes and three cameras whose latency follows people who come and go, and load that does; a move takes 1.5 s. All of it made up. */
function world(folder: string) {
  const clock = new ManualClock();
  const bus = new MemoryBus();
  const window = new SlidingWindow(120_000);
  const published: DecisionRecord[] = [];
  const node = (name: string, frequencyGHz: number): NodeSituation => ({
    name,
    ready: true,
    unschedulable: false,
    labels: {},
    taints: [],
    cores: 2,
    memoryBytes: 4e9,
    heartbeat: { lastAt: clock.now(), alive: true },
    frequencyGHz,
  });
  const description = applicationSchema.parse({
    name: 'cameras',
    permitted_actions: ['component_relocation'],
    components: components.map((name) => ({
      metadata: { name },
      qos_metrics: [{ application_metric_id: 'frame_classify_latency_ms', target: 50, relation: 'lower_or_equal' }],
    })),
  });
  const view: ClusterSituation = {
    cluster: 'c',
    nodes: [node('worker-1', 1.8), node('worker-2', 3.6), node('worker-3', 2.4)],
    applications: [{ uid: 'u', description }],
    components: [],
    mechanisms: {},
    mode: 0,
  };
  const pod = (name: string, node: string | null): PodView => ({
    name,
    uid: name,
    node,
    ip: null,
    ready: true,
    phase: 'Running',
    leaving: false,
    reason: undefined,
    createdAt: clock.now(),
    planUid: '',
    metricsPort: undefined,
  });
  const fluidity: Mechanism = {
    name: 'fluidity',
    state: () => null,
    options: () => null,
    touches: (command) => {
      const { name, deployment_plan } = placementCommandSchema.parse(command);
      return Object.keys(deployment_plan)
        .filter((key) => key !== 'initial_plan')
        .map((component) => `${name}/${component}`);
    },
    apply: (command, plan) =>
      plan.run('Move', async () => {
        await new Promise<void>((resolve) => void clock.after(1500, resolve));
        const { deployment_plan } = placementCommandSchema.parse(command);
        for (const [component, actions] of Object.entries(deployment_plan)) {
          if (!Array.isArray(actions)) continue;
          const to = actions.map((action) => ('target_host' in action ? action.target_host : action.host)).at(-1);
          const others = view.components.filter((one) => one.component !== component);
          view.components = [
            ...others,
            { application: 'cameras', component, componentUid: component, pin: to ?? null, pods: [pod(component, to ?? null)] },
          ];
        }
      }),
  };
  /** Decides as a file would: whenever its time has come, and nobody can replay it. */
  const file: Policy<ClusterSituation> = {
    name: 'policy-of-a-file',
    version: 'abc',
    analyze: ({ now }) =>
      now % 45_000 < 1000
        ? [{ kind: 'turn', text: 'it is its turn', application: 'cameras', component: components[Math.floor(now / 45_000) % 3]! }]
        : [],
    plan: ({ view, now }, { component }) => {
      const here = view.components.find((one) => one.component === component)?.pin;
      if (!here) return undefined;
      const to = view.nodes.find(({ name }) => name !== here)!.name;
      return {
        premises: [{ id: 'turn', name: 'Turn', value: 1, unit: '', at: now, source: 'file', usual: 0 }],
        options: [
          { id: 'stay', label: 'Stay', action: { kind: 'stay' }, predicted: [], terms: [] },
          {
            id: to,
            label: `Move to ${to}`,
            action: { kind: 'move', component: component!, from: here, to },
            predicted: [],
            terms: [{ name: 'Turn', expression: constant(1) }],
          },
        ],
        stay: 'stay',
        neededMargin: 0,
        coolDownS: 20,
        horizonS: 10,
        commands: () => [
          {
            mechanism: 'fluidity',
            command: {
              name: 'cameras',
              deployment_plan: { initial_plan: false, [component!]: [{ action: 'move', src_host: here, target_host: to }] },
            },
          },
        ],
        readings: {},
      };
    },
  };
  const shipped = new PolicySet<ClusterSituation>(factories, undefined);
  const config = agentConfigSchema.parse({ agent: 'cluster-c', layer: 'cluster', cluster: 'c', stateFolder: folder });
  const errors: string[] = [];
  const log = (level: string, text: string, details?: unknown) => {
    if (level !== 'info') errors.push(`${text} ${JSON.stringify(details)}`);
  };
  const loop = new AutonomicLoop<ClusterSituation>({
    agent: { id: 'cluster-c', layer: 'cluster', cluster: 'c' },
    policies: [...shipped.policies, file],
    mechanisms: [fluidity],
    view: () => view,
    expecting: expectingPlacements,
    window,
    publish: async (record) => void published.push(record),
    store: memoryStateStore(),
    clock,
    log,
  });
  const recordings = new Recordings({ config, bus, clock, log, loop, window, shipped });
  let seed = 7;
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  let people = 2;
  const second = async (): Promise<void> => {
    people = Math.max(0, people + (random() - 0.5) * 2);
    for (const { name, frequencyGHz } of view.nodes) {
      const here = view.components.filter(({ pin }) => pin === name);
      const load = { metric: 'cpu_used_ratio', value: Math.min(1, 0.1 + 0.3 * here.length + 0.1 * random()) };
      const samples = here.flatMap(({ component }) => {
        const value = 10 + ((22 * 1.8 * people) / frequencyGHz!) * (1 + here.length / 4) + random();
        return [
          { metric: 'frame_classify_latency_ms', value },
          { metric: 'people_in_view', value: people },
        ].map((sample) => ({ ...sample, application: 'cameras', component }));
      });
      window.add({ agent: `node-${name}`, cluster: 'c', node: name, time: clock.now(), samples: [load, ...samples] });
    }
    await clock.advance(1000);
  };
  const ask = async (verb: string, body: object) => {
    const reply = replySchema.parse(
      await bus.request(subjects.request('cluster-c', verb), z.json(), z.json().parse(body), replySchema, 1000),
    );
    if (!reply.ok) throw new Error(reply.error);
    return reply.value;
  };
  return { clock, loop, shipped, published, errors, recordings, second, ask };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mls-recordings-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a recording made over the bus decides the same again, and otherwise with other settings', async () => {
  const { loop, published, errors, recordings, second, ask, shipped } = world(folder);
  await loop.start();
  const withFile = () => [...shipped.policies, loop.policies.find(({ name }) => name === 'policy-of-a-file')!];
  // Begun in the midst: plans run, outcomes are awaited, cool-downs last.
  for (let n = 0; n < 77; n++) await second();
  const from = published.length;
  const { name } = recordAnswerSchema.parse(await ask('record', { seconds: 240 }));
  await expect(ask('record', { seconds: 5 })).rejects.toThrow(`${name} is being recorded until`);
  for (let n = 0; n < 242; n++) {
    if (n === 150) {
      shipped.set('relocate-by-latency', { margin: 0.05 });
      loop.use(withFile());
    }
    await second();
  }
  const { recordings: listed } = recordingsAnswerSchema.parse(await ask('recordings', {}));
  expect(listed).toMatchObject([{ name, isRunning: false }]);
  const chunks: Buffer[] = [];
  for (let offset: number | null = 0; offset !== null; ) {
    const { base64, next } = recordingAnswerSchema.parse(await ask('recording', { name, offset }));
    chunks.push(Buffer.from(base64, 'base64'));
    offset = next;
  }
  await recordings.close();
  await loop.stop();
  expect(errors).toEqual([]);
  const lines = Buffer.concat(chunks).toString('utf8').split('\n');

  const path = join(folder, 'recording.jsonl');
  await writeFile(path, Buffer.concat(chunks));
  const again = await replayFile(path);
  expect(again).toMatchObject({ differences: [], failures: {}, notReplayed: ['policy-of-a-file'] });
  expect(again.same).toBe(again.compared);
  // It is worth something: both policies acted, several outcomes came to be known, and the file acted in between.
  const first = published.slice(from).filter(({ revision }) => revision === 0);
  const acts = (policy: string) => first.filter((record) => record.policy.name === policy && isAct(record)).length;
  expect(acts('relocate-by-latency')).toBeGreaterThan(2);
  expect(acts('policy-of-a-file')).toBeGreaterThan(2);
  expect(again.compared).toBeGreaterThan(20);
  expect(lines.filter((line) => line.includes('"actual"')).length).toBeGreaterThan(2);

  const bolder = { 'relocate-by-latency': { margin: 0.6 } };
  const other = await replayFile(path, bolder);
  expect(other.differences.length).toBeGreaterThan(0);
  const without = await replayFile(path, { 'relocate-by-latency': null });
  expect(
    without.differences.every(({ recorded, replayed }) => recorded?.policy.name === 'relocate-by-latency' && !replayed),
  ).toBe(true);
  await expect(replayFile(path, { dvfs: {} })).rejects.toThrow('no policy "dvfs" comes with the cluster agent');
  await expect(replayFile(path, { 'relocate-by-latency': { margin: 'much' } })).rejects.toThrow('margin');
  await writeFile(path, '{}\n');
  await expect(replayFile(path)).rejects.toThrow('is not a recording');
  await expect(replayFile(join(folder, 'none'))).rejects.toThrow('ENOENT');
  await expect(replay(lines.with(5, '{"kind":"tick"}'), { factories })).rejects.toThrow('line 6 is not one of a recording: now:');
  await expect(replay(lines.with(5, lines[5]!.slice(0, -9)), { factories })).rejects.toThrow('line 6 is not JSON');
});

test('changes of a view make the one of the other', () => {
  const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)));
  fc.assert(
    fc.property(json, json, (before, after) => {
      const changes = JSON.parse(JSON.stringify(jsonChanges(before, after))) as JsonChange[];
      expect(withChanges(before, changes)).toEqual(after);
    }),
  );
  expect(jsonChanges({ a: [1, { b: 2 }], c: 0 }, { a: [1, { b: 3 }] })).toEqual([
    { path: ['c'] },
    { path: ['a', 1, 'b'], value: 3 },
  ]);
});
