import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { heartbeatSchema, type Telemetry, telemetrySchema } from '../../agents/bus/messages.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import { type DecisionRecord, decisionRecordSchema, isAct } from '../../agents/decision/record.ts';
import { startTwin, type Twin } from './testbed.ts';

const smartCamera = readFileSync(new URL('../../assets/applications/smart-camera.yaml', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'twin-'));
let twin: Twin | undefined;
afterEach(async () => {
  await twin?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('from nothing to an explained relocation that brings the latency back', { timeout: 60_000 }, async () => {
  const decisions = new Map<string, DecisionRecord>();
  const order: { id: string; afterMs: number }[] = [];
  const telemetry: Telemetry[] = [];
  const warnings: string[] = [];
  const startedAt = performance.now();
  twin = await startTwin({
    name: 'demo',
    speed: 4,
    stateFolder: folder,
    applications: [smartCamera],
    log: (agent) => (level, text, details) => {
      if (level !== 'info') warnings.push(`${agent}: ${text} ${JSON.stringify(details ?? {})}`);
    },
    onBus(subject, payload) {
      if (subject.startsWith('mls.decision.')) {
        const record = decisionRecordSchema.parse(payload);
        if (!decisions.has(record.id)) order.push({ id: record.id, afterMs: performance.now() - startedAt });
        decisions.set(record.id, record);
      }
      if (subject.startsWith('mls.telemetry.')) telemetry.push(telemetrySchema.parse(payload));
    },
  });
  const readyMs = performance.now() - startedAt;
  const { bus } = twin;
  const cluster1 = twin.api('cluster1');
  const pods = () => cluster1.store.list('pods', 'mlsysops');
  const placeOf = (component: string) =>
    pods()
      .filter(({ metadata }) => metadata.labels?.['mlsysops.eu/component'] === component && !metadata.deletionTimestamp)
      .map(({ spec }) => (spec as { nodeName?: string }).nodeName);
  const all = () => [...decisions.values()];

  const placed = await until(() => all().find(({ agent }) => agent.layer === 'continuum'));
  expect(placed).toMatchObject({ application: 'smart-camera', choice: 'on:cluster1', trigger: { kind: 'unplaced' } });
  const first = await until(() => {
    const found = all().filter(({ agent, trigger }) => agent.layer === 'cluster' && trigger.kind === 'unplaced');
    return found.length >= 3 && found;
  });
  expect(first.map(({ component }) => component)).toEqual(['classifier', 'detector', 'camera']);
  await until(() => latency(telemetry, 'worker-1') !== undefined);
  expect(placeOf('classifier')).toEqual(['worker-1']);

  const move = await until(() => all().find((record) => record.trigger.kind === 'qos-violated' && isAct(record)));
  expect(move).toMatchObject({ component: 'classifier', choice: 'to:worker-2', policy: { name: 'relocate-by-latency' } });
  expect(move.sentence).toContain('worker-2');
  expect(latency(telemetry, 'worker-1')).toBeGreaterThan(50);
  const done = await until(() => {
    const record = decisions.get(move.id);
    return record?.plan?.status === 'completed' && record;
  });
  await until(() => placeOf('classifier').join() === 'worker-2' && pods().length === 3);
  const after = await until(() => latency(telemetry, 'worker-2'));
  expect(after).toBeLessThan(50);
  const plan = pods().find(({ metadata }) => metadata.labels?.['mlsysops.eu/component'] === 'classifier');
  expect(plan?.metadata.labels?.['mlsysops.eu/planUID']).toBe(done.plan?.id);
  const described = () => cluster1.store.get('mlsysops.eu/mlsysopsapps', 'mlsysops', 'smart-camera')?.status;
  await until(() => (described() as { phase?: string } | undefined)?.phase === 'Deployed');
  expect(described()).toMatchObject({ ready: '3/3', clusters: 'cluster1' });
  const fromNodes = telemetry.filter(({ agent }) => agent.startsWith('node-'));
  expect(
    fromNodes.every(({ samples }) => samples.every(({ source, metric }) => source === 'simulated' || metric.startsWith('cpu_'))),
  ).toBe(true);
  const trust = () => telemetry.findLast(({ node, samples }) => node === 'worker-2' && samples[0]?.metric === 'trust_level');
  const trusted = await until(trust);
  expect(trusted).toMatchObject({ agent: 'cluster-cluster1', samples: [{ source: 'assessed' }] });

  const at = (id: string) => `${(order.find((entry) => entry.id === id)!.afterMs / 1000).toFixed(2)} s`;
  process.stdout.write(
    `twin at speed 4: ready after ${(readyMs / 1000).toFixed(2)} s, first decision after ${at(order[0]!.id)}, relocation decided after ${at(move.id)}\n  ${move.sentence}\n`,
  );

  expect(warnings).toEqual([]);
  const lost = subjects.heartbeat('cluster1', 'node', 'node-worker-2');
  let beats = 0;
  bus.subscribe(lost, heartbeatSchema, () => beats++);
  await twin.setNode('worker-2', 'down');
  const before = beats;
  await until(() => {
    const node = cluster1.store.get('nodes', undefined, 'worker-2');
    return JSON.stringify(node?.status).includes('NodeStatusUnknown');
  });
  expect(beats).toBe(before);
  await until(() => trust()!.samples[0]!.value < trusted.samples[0]!.value);
  await twin.setNode('worker-2', 'up');
  await until(() => beats > before);
  await expect(twin.setNode('worker-9', 'up')).rejects.toThrow('worker-9');
  // Who asks a node that just went down gets no answer, and says so.
  expect(warnings.filter((text) => !text.includes('node-worker-2'))).toEqual([]);
});

/** Median of the last latencies told from a node; undefined while there are fewer than three. */
function latency(telemetry: Telemetry[], node: string): number | undefined {
  const values = telemetry
    .filter((message) => message.node === node)
    .flatMap(({ samples }) => samples.filter(({ metric }) => metric === 'frame_classify_latency_ms').map(({ value }) => value))
    .slice(-3);
  return values.length < 3 ? undefined : values.toSorted((a, b) => a - b)[1];
}

async function until<T>(look: () => T): Promise<NonNullable<Exclude<T, false>>> {
  for (let i = 0; i < 1200; i++) {
    const found = look();
    if (found) return found as NonNullable<Exclude<T, false>>;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('waited in vain');
}
