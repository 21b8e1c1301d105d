import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, expect, test } from 'vitest';
import { MemoryBus } from '../../agents/bus/memory.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import { startClusterAgent } from '../../agents/cluster.ts';
import { agentConfigSchema } from '../../agents/config.ts';
import { type DecisionRecord, decisionRecordSchema } from '../../agents/decision/record.ts';
import { toCustomResource } from '../../agents/descriptions/custom-resource.ts';
import { parseDescription } from '../../agents/descriptions/parse.ts';
import { prepare } from '../../agents/orchestration/kubernetes.ts';
import { kubeconfigFor, makeTls } from './api/access.ts';
import type { KubeObject } from './api/objects.ts';
import { startKubernetesApi } from './api/server.ts';
import { memberCluster, twinHosts } from './hosts.ts';
import { SimulatedClock } from './simulation/clock.ts';
import { SimulatedKubelets } from './simulation/kubelets.ts';
import { storeKubeletApi } from './simulation/store-kubelet-api.ts';
import { World } from './simulation/world.ts';

const opened: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

test('components of a node that dies, or leaves the cluster, are placed elsewhere; what cannot end there is not waited for', {
  timeout: 180_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lost-node-'));
  opened.push(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new SimulatedClock(20);
  opened.push(() => clock.close());
  const api = await startKubernetesApi({
    name: memberCluster,
    host: '127.0.0.1',
    port: 0,
    tls: await makeTls(memberCluster, ['127.0.0.1'], Date.now()),
    tokens: [{ token: 'token', user: 'admin', groups: ['system:masters'] }],
    podCidr: '10.12.0.0/16',
    serviceCidr: '10.13.0.0/16',
    clock,
  });
  opened.push(() => api.close());
  const hosts = twinHosts.filter(({ cluster }) => cluster === memberCluster);
  const world = new World(
    hosts.map(({ simulated }) => simulated),
    1,
  );
  const nodes = hosts.map(({ simulated, ...rest }) => ({ node: simulated, ...rest }));
  const kubelets = new SimulatedKubelets({ api: storeKubeletApi(api.store), world, clock, log: () => {}, nodes });
  opened.push(() => kubelets.stop());
  await kubelets.start();
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(kubeconfigFor(api, { token: 'token' }));
  const bus = new MemoryBus();
  opened.push(() => bus.close());
  const told = new Map<string, DecisionRecord>();
  bus.subscribe(subjects.all.decisions, decisionRecordSchema, (record) => void told.set(record.id, record));
  const config = agentConfigSchema.parse({
    agent: 'cluster-a',
    layer: 'cluster',
    cluster: memberCluster,
    stateFolder: folder,
    policies: { 'static-placement': { lostAfterS: 5 } },
  });
  const agent = await startClusterAgent({ config, bus, kubeConfig, clock, log: () => {} });
  opened.push(() => agent.stop());

  await prepare(kubeConfig);
  const text = readFileSync(new URL('../../assets/applications/smart-camera.yaml', import.meta.url), 'utf8');
  api.store.create('mlsysops.eu/mlsysopsapps', toCustomResource(parseDescription(text, 'smart-camera.yaml')) as KubeObject);
  const pods = () => api.store.list('pods', 'mlsysops') as (KubeObject & { spec: { nodeName?: string } })[];
  /** Nodes of the pods that serve. */
  const serving = () =>
    pods()
      .filter((pod) => !pod.metadata?.deletionTimestamp && JSON.stringify(pod).includes('"type":"Ready","status":"True"'))
      .map(({ spec }) => spec.nodeName);
  const patient = { timeout: 40_000, interval: 25 };
  await expect.poll(() => serving().length, patient).toBe(3);

  const rescues = () => [...told.values()].filter(({ trigger }) => trigger.kind === 'misplaced');
  await kubelets.setNode('worker-1', 'down');
  await expect.poll(serving, patient).toEqual(['worker-2', 'worker-2', 'worker-2']);
  await expect.poll(() => rescues().map(({ plan }) => plan?.status), patient).not.toContain('pending');
  expect(rescues().map(({ plan }) => plan?.status)).toEqual(rescues().map(() => 'completed'));
  expect(rescues()[0]?.sentence).toMatch(/ is on worker-1, which has not been ready for \d+ s\.$/);
  // What was there could not end, as nobody there can say so.
  expect(pods().filter(({ spec }) => spec.nodeName === 'worker-1').length).toBe(rescues().length);

  await kubelets.setNode('worker-1', 'up');
  await expect.poll(() => pods().filter(({ spec }) => spec.nodeName === 'worker-1').length, patient).toBe(0);
  const before = rescues().length;
  await kubelets.setNode('worker-2', 'down');
  api.store.delete('nodes', undefined, 'worker-2');
  await expect.poll(serving, patient).toEqual(['worker-1', 'worker-1', 'worker-1']);
  await expect.poll(() => rescues().map(({ plan }) => plan?.status), patient).not.toContain('pending');
  const since = rescues().slice(before);
  expect(since.map(({ plan }) => plan?.status)).toEqual(['completed', 'completed', 'completed']);
  expect(since[0]?.sentence).toMatch(/ is on worker-2, which is not in the cluster any more\.$/);
  await expect.poll(() => pods().length, patient).toBe(3);
});
