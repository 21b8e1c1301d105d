import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { testbedSchema } from '../../provisioning/testbed/schema.ts';
import { presentSchema } from '../../provisioning/twin/dry-run/present.ts';
import { dryRun } from '../../provisioning/twin/dry-run/run.ts';
import { startTwin } from '../../provisioning/twin/testbed.ts';
import { Store } from '../store/store.ts';
import { ClusterState } from './cluster-state.ts';
import { twinLink } from './link/twin.ts';
import { Live } from './live.ts';
import { takePresent } from './present.ts';
import { TestbedFolder } from './testbed-folder.ts';

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

test('a dry run of a twin that runs begins with its nodes, placements, policies and readings as they are', {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mls-present-'));
  opened.push(() => rm(folder, { recursive: true, force: true }));
  const file = new URL('../../assets/applications/smart-camera.yaml', import.meta.url);
  const twin = await startTwin({
    name: 'demo',
    speed: 10,
    stateFolder: join(folder, 'twin'),
    applications: [await readFile(file, 'utf8')],
  });
  opened.push(() => twin.stop());
  const store = await Store.open(join(folder, 'store.duckdb'), () => {});
  opened.push(() => store.close());
  const link = twinLink(
    {
      onBus: (listener) => twin.bus.subscribe('mls.>', z.unknown(), (payload, subject) => listener(subject, payload)),
      request: (subject, payload) => twin.bus.request(subject, z.unknown(), payload, z.unknown(), 5000),
    },
    () => {},
  );
  const entry = {
    folder: new TestbedFolder(folder),
    testbed: testbedSchema.parse({ name: 'demo', kind: 'twin', hosts: [], clusters: {} }),
    remembered: { state: 'up' as const, createdAt: 0, lastRun: null, doubles: [] },
  };
  const live = new Live({
    entry,
    store,
    log: () => {},
    openLink: async () => link,
    makeClusterState: (onChange) =>
      new ClusterState({
        clusters: ['management', 'cluster1'],
        onChange,
        reach: async (cluster) => ({ kubeconfig: twin.ready.kubeconfigs[cluster]! }),
      }),
  });
  opened.push(() => live.close());
  const hold = await live.hold();
  opened.push(async () => hold.close());
  const sources = { entry, live, store };
  await expect(takePresent(sources, 'continuum')).rejects.toMatchObject({ code: 'cannot-simulate' });
  await expect(takePresent(sources, 'cluster-9')).rejects.toMatchObject({ code: 'no-answer' });

  const isPlaced = () => {
    const [status] = live.state.applications();
    return status?.state === 'deployed' && live.state.agents().some(({ agent, alive }) => agent === 'node-worker-2' && alive);
  };
  for (let tries = 0; !isPlaced() && tries < 1000; tries++) await new Promise((resolve) => setTimeout(resolve, 25));
  const present = presentSchema.parse(JSON.parse(JSON.stringify(await takePresent(sources, 'cluster-cluster1'))));
  expect(present.nodes.map(({ name, ready, agentAlive }) => `${name} ${ready} ${agentAlive}`).sort()).toEqual([
    'master-1 true true',
    'worker-1 true true',
    'worker-2 true true',
  ]);
  expect(present.nodes.every(({ description }) => description?.hardware.cpu?.cores === 4)).toBe(true);
  const [application] = present.applications;
  expect(application?.description.name).toBe('smart-camera');
  expect(Object.values(application!.components).every((node) => node?.startsWith('worker-'))).toBe(true);
  const cluster = present.agents.find(({ layer }) => layer === 'cluster');
  expect(Object.keys(cluster!.policies)).toEqual(expect.arrayContaining(['static-placement', 'relocate-by-latency']));
  expect(present.agents.map(({ agent }) => agent)).toEqual(expect.arrayContaining(['node-worker-1', 'node-worker-2']));
  expect(present.past.some(({ metric, node }) => metric === 'cpu_used_ratio' && node === 'worker-1')).toBe(true);
  expect(Math.abs(present.takenAt - twin.clock.now())).toBeLessThan(60_000);

  const change = { agent: 'cluster-cluster1', policy: { name: 'relocate-by-latency', off: true as const } };
  const result = await dryRun({ present, change, minutes: 0.2, seed: 1, folder: join(folder, 'dry-run'), onProgress: () => {} });
  expect(result.present.placement).toEqual(
    expect.objectContaining({
      'smart-camera/camera': expect.stringMatching(/^worker-/),
      'smart-camera/detector': expect.any(String),
    }),
  );
  expect(result.candidate.policies.find(({ agent }) => agent === 'cluster-cluster1')?.names).not.toContain('relocate-by-latency');
});
