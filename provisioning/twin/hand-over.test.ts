import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoordinationV1Api, KubeConfig } from '@kubernetes/client-node';
import { afterEach, expect, test } from 'vitest';
import { MemoryBus } from '../../agents/bus/memory.ts';
import { type Heartbeat, heartbeatSchema } from '../../agents/bus/messages.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import type { Clock } from '../../agents/clock.ts';
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

/** A way to a port through which nothing goes while it is frozen; what came meanwhile goes through afterwards. */
async function freezableWay(to: number) {
  let frozen = false;
  const waiting: (() => void)[] = [];
  const sockets = new Set<Socket>();
  const pass = (from: Socket, on: Socket): void => {
    sockets.add(from);
    // An end is no faster than what was said before it: it would tell a frozen process that its request has failed.
    const later = (work: () => void): void => void (frozen ? waiting.push(work) : work());
    from.on('data', (data) => later(() => on.write(data)));
    from.on('error', () => later(() => on.destroy()));
    from.on('close', () => later(() => on.destroySoon()));
  };
  const server = createServer((socket) => {
    const on = connect(to, '127.0.0.1');
    pass(socket, on);
    pass(on, socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    freeze: () => {
      frozen = true;
    },
    thaw: () => {
      frozen = false;
      for (const write of waiting.splice(0)) write();
    },
  };
}

/** A clock whose timers stand still while its process is frozen; what time it is goes on. */
function freezable(clock: Clock) {
  let frozen = false;
  const waiting: (() => void | Promise<void>)[] = [];
  const own: Clock = {
    now: () => clock.now(),
    every: (ms, run) => clock.every(ms, () => (frozen ? undefined : run())),
    after: (ms, run) => clock.after(ms, () => (frozen ? void waiting.push(run) : run())),
  };
  return {
    clock: own,
    freeze: () => {
      frozen = true;
    },
    thaw: () => {
      frozen = false;
      for (const run of waiting.splice(0)) void run();
    },
  };
}

test('a cluster agent that stops in the midst of its plans is followed; each plan is finished once, and it comes back as a stand-by', {
  timeout: 60_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hand-over-'));
  opened.push(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new SimulatedClock(1);
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
  const heard: DecisionRecord[] = [];
  const beats: Heartbeat[] = [];
  bus.subscribe(subjects.all.decisions, decisionRecordSchema, (record) => void heard.push(record));
  bus.subscribe(subjects.all.heartbeats, heartbeatSchema, (beat) => void beats.push(beat));
  const start = async (agent: string, isStandby: boolean) => {
    const own = freezable(clock);
    const way = await freezableWay(Number(new URL(api.url).port));
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(kubeconfigFor(api, { token: 'token' }).replaceAll(api.url, `https://127.0.0.1:${way.port}`));
    const config = agentConfigSchema.parse({
      agent,
      layer: 'cluster',
      cluster: memberCluster,
      stateFolder: folder,
      election: { isStandby },
    });
    const log = () => {};
    const running = await startClusterAgent({ config, bus, kubeConfig, clock: own.clock, log });
    opened.push(() => running.stop());
    return {
      freeze: () => {
        own.freeze();
        way.freeze();
      },
      thaw: () => {
        way.thaw();
        own.thaw();
      },
    };
  };
  const first = await start('cluster-a', false);
  await start('cluster-b', true);
  const leading = () =>
    new Set(
      beats
        .slice(-4)
        .filter(({ standby }) => !standby)
        .map(({ agent }) => agent),
    );
  await expect.poll(() => [...leading()], { timeout: 10_000 }).toEqual(['cluster-a']);

  await prepare(kubeConfig);
  const text = readFileSync(new URL('../../assets/applications/smart-camera.yaml', import.meta.url), 'utf8');
  const described = parseDescription(text, 'smart-camera.yaml');
  // The leader stops when it has done a part of what it began.
  const subscription = bus.subscribe(subjects.all.decisions, decisionRecordSchema, ({ plan }) => {
    if (!plan?.steps.some(({ title }) => title.startsWith('Start'))) return;
    subscription.close();
    first.freeze();
  });
  api.store.create('mlsysops.eu/mlsysopsapps', toCustomResource(described) as KubeObject);
  const begun = () => new Set(heard.filter(({ plan }) => plan).map(({ id }) => id));
  await expect.poll(() => begun().size, { timeout: 10_000 }).toBeGreaterThan(0);
  const frozenAt = clock.now();
  await expect.poll(() => [...leading()], { timeout: 20_000 }).toEqual(['cluster-b']);
  const followedMs = clock.now() - frozenAt;

  const lastOf = (id: string) =>
    heard
      .filter((record) => record.id === id)
      .sort((a, b) => a.revision - b.revision)
      .at(-1)!;
  await expect
    .poll(() => [...begun()].map((id) => lastOf(id).plan?.status), { timeout: 20_000 })
    .toEqual([...begun()].map(() => 'completed'));
  const components = described.kind === 'MLSysOpsApp' ? described.value.components.length : 0;
  expect(api.store.list('apps/deployments', 'mlsysops')).toHaveLength(components);
  const firsts = [...begun()].filter((id) => lastOf(id).agent.id === 'cluster-a');
  expect(firsts.length).toBeGreaterThan(0);
  // Told as completed once more where that was told and not yet saved; never as failed.
  expect(heard.filter(({ plan }) => plan?.status === 'failed')).toEqual([]);
  expect(firsts.flatMap((id) => lastOf(id).plan?.steps.map(({ title }) => title))).toContain('Go on after a restart');
  process.stdout.write(`followed after ${(followedMs / 1000).toFixed(1)} s of the cluster's clock\n`);

  first.thaw();
  const after = heard.length;
  await expect
    .poll(() => beats.slice(-4).some(({ agent, standby }) => agent === 'cluster-a' && standby), { timeout: 10_000 })
    .toBe(true);
  expect([...leading()]).toEqual(['cluster-b']);
  expect(heard.slice(after).filter(({ agent, plan }) => agent.id === 'cluster-a' && plan)).toEqual([]);
  const lease = await kubeConfig
    .makeApiClient(CoordinationV1Api)
    .readNamespacedLease({ name: 'mlsysops-cluster-agent', namespace: 'mlsysops' });
  expect(lease.spec).toMatchObject({ holderIdentity: 'cluster-b', leaseTransitions: 1 });
});
