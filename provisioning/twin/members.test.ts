import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type ApplicationStatus, applicationStatusSchema, telemetrySchema } from '../../agents/bus/messages.ts';
import { type DecisionRecord, decisionRecordSchema } from '../../agents/decision/record.ts';
import { parseTestbedFile } from '../testbed/parse.ts';
import { planTwin } from './plan.ts';
import { startTwin, type Twin } from './testbed.ts';

const folder = mkdtempSync(join(tmpdir(), 'twin-members-'));
let twin: Twin | undefined;
afterEach(async () => {
  await twin?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const file = `name: two
kind: twin
twin:
  nodes:
    - { name: near, count: 2, cluster: edge, frequencyGHz: 3.6 }
    - { name: far, cluster: yard }
  services:
    - { application: weeds, component: spotter, makes: 2, serviceMs: 20, tells: { spot_latency_ms: latency } }
`;
const weeds = `MLSysOpsApp:
  name: weeds
  cluster_placement: { cluster_id: [yard], instances: 1 }
  components:
    - metadata: { name: spotter }
      node_placement: { continuum_layer: ["*"] }
      qos_metrics: [{ application_metric_id: spot_latency_ms, target: 100, relation: lower_or_equal }]
      containers: [{ image: "registry.example/weeds:1" }]
`;
const smartCamera = readFileSync(new URL('../../assets/applications/smart-camera.yaml', import.meta.url), 'utf8').replace(
  'cluster_placement:',
  'cluster_placement:\n    cluster_id: [edge]',
);

test('two member clusters with an agent each: the continuum places applications on them, and each places what it was given', {
  timeout: 120_000,
}, async () => {
  const decisions = new Map<string, DecisionRecord>();
  const statuses = new Map<string, ApplicationStatus>();
  const told = new Map<string, number>();
  const problems: string[] = [];
  twin = await startTwin({
    name: 'two',
    plan: planTwin(parseTestbedFile(file, 'two.yaml')),
    speed: 10,
    stateFolder: folder,
    applications: [smartCamera, weeds],
    log: (agent) => (level, text, details) => {
      if (level === 'error') problems.push(`${agent}: ${text} ${JSON.stringify(details ?? {})}`);
    },
    onBus(subject, payload) {
      if (subject.startsWith('mls.decision.')) {
        const record = decisionRecordSchema.parse(payload);
        decisions.set(record.id, record);
      }
      if (subject.startsWith('mls.application.')) {
        const status = applicationStatusSchema.parse(payload);
        statuses.set(`${status.cluster}/${status.application}`, status);
      }
      if (subject.startsWith('mls.telemetry.')) {
        const { node, samples } = telemetrySchema.parse(payload);
        const latency = samples.find(({ metric }) => metric === 'spot_latency_ms');
        if (latency) told.set(node, latency.value);
      }
    },
  });
  expect(twin.ready.clusters.map(({ name, role }) => `${name} ${role}`)).toEqual([
    'management management',
    'edge member',
    'yard member',
  ]);
  const stateOf = (of: string): string | undefined => statuses.get(of)?.state;
  await until(() => stateOf('edge/smart-camera') === 'deployed' && stateOf('yard/weeds') === 'deployed');
  // Each application is where it was placed, and nowhere else.
  expect([...statuses.keys()].sort()).toEqual(['edge/smart-camera', 'yard/weeds']);
  const of = (layer: string) => [...decisions.values()].filter(({ agent }) => agent.layer === layer);
  expect(
    of('continuum')
      .map(({ application, choice }) => `${application} ${choice}`)
      .sort(),
  ).toEqual(['smart-camera on:edge', 'weeds on:yard']);
  const placed = of('cluster').filter(({ trigger }) => trigger.kind === 'unplaced');
  const clustersOf = (application: string) =>
    new Set(placed.filter((record) => record.application === application).map(({ agent }) => agent.id));
  expect(clustersOf('smart-camera')).toEqual(new Set(['cluster-edge']));
  expect(clustersOf('weeds')).toEqual(new Set(['cluster-yard']));
  // The pods are in the API of their cluster, and what they do is simulated where they are.
  const nodesOf = (cluster: string) =>
    twin!
      .api(cluster)
      .store.list('pods', 'mlsysops')
      .map(({ spec }) => (spec as { nodeName?: string }).nodeName ?? '');
  expect(nodesOf('yard')).toEqual(['far']);
  expect(nodesOf('edge').every((node) => node.startsWith('near-'))).toBe(true);
  await until(() => told.has('far'));
  expect(told.get('far')! / ((20 * 1.8) / 3.3)).toBeGreaterThan(0.8);
  expect(told.get('far')! / ((20 * 1.8) / 3.3)).toBeLessThan(1.5);
  expect(problems).toEqual([]);
});

async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('it never came to be');
}
