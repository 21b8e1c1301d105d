import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../agents/system-clock.ts';
import { kubeconfigFor, makeTls } from '../../../provisioning/twin/api/access.ts';
import { type KubernetesApi, startKubernetesApi } from '../../../provisioning/twin/api/server.ts';
import { Api } from './api.ts';
import { Cgroups } from './cgroups.ts';
import { startKubelet } from './kubelet.ts';
import { ServiceProxy } from './proxy.ts';
import type { Pod } from './types.ts';

// Needs root, for cgroups and nftables: everything it makes carries this name and is taken away at the end.
const name = `kubelet-double-${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), `${name}-`));
const cgroups = new Cgroups(name);
const proxy = new ServiceProxy(() => {}, name);
const logged: string[] = [];
let tls: Awaited<ReturnType<typeof makeTls>>;
let kubernetes: KubernetesApi;
let kubelet: ReturnType<typeof startKubelet>;

const startApi = (port: number): Promise<KubernetesApi> =>
  startKubernetesApi({
    name: 'test',
    host: '127.0.0.1',
    port,
    tls,
    tokens: [{ token: 'node-token', user: 'system:node:worker-1', groups: ['system:nodes'] }],
    podCidr: '10.11.0.0/16',
    serviceCidr: '198.51.100.0/24',
    clock: systemClock,
    persistFile: join(folder, 'api.json'),
    controllers: false,
  });
const start = () =>
  startKubelet({
    api: new Api(kubeconfigFor(kubernetes, { token: 'node-token' })),
    flags: {
      kubeconfig: '',
      nodeName: 'worker-1',
      nodeIp: '127.0.0.1',
      nodeLabels: { zone: 'a' },
      healthzPort: 0,
      registerTaints: [],
    },
    cgroups,
    proxy,
    stateFolder: join(folder, 'state'),
    logFolder: join(folder, 'logs'),
    backOff: { firstMs: 300, mostMs: 600 },
    log: (text) => logged.push(text),
  });

beforeAll(async () => {
  tls = await makeTls('test', ['127.0.0.1'], Date.now());
  kubernetes = await startApi(0);
  kubelet = start();
});

afterAll(async () => {
  kubelet?.close();
  await until(() => cgroups.pods().every((uid) => cgroups.remove(uid)));
  cgroups.removeRoot();
  await proxy.remove();
  await kubernetes?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('registers its node and keeps it ready', async () => {
  const node = await until(() => {
    const found = kubernetes.store.get('nodes', undefined, 'worker-1');
    return found && 'conditions' in ((found.status as object | undefined) ?? {}) ? found : undefined;
  });
  expect(node).toMatchObject({
    metadata: { labels: { 'kubernetes.io/hostname': 'worker-1', zone: 'a' } },
    status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }, {}], nodeInfo: { kubeletVersion: 'v1.36.2-double' } },
  });
  expect(JSON.stringify(node.status)).toContain('"KubeletReady"');
});

test('runs a pod as a real process in its cgroup, reachable by its Service, through outages of API and kubelet', async () => {
  create('services', {
    kind: 'Service',
    metadata: { name: 'web', namespace: 'mlsysops' },
    spec: { clusterIP: '198.51.100.7', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 18_473 }] },
  });
  // As with kubelet, a container's environment tells the Services that were known when it started: Services and pods are two watches.
  await until(() => execFileSync('nft', ['list', 'table', 'ip', name], { encoding: 'utf8' }).includes('198.51.100.7'));
  const program =
    'process.on("SIGTERM",()=>process.exit(0));require("http").createServer((q,r)=>r.end(process.env.WEB_SERVICE_HOST+" "+process.env.NODE)).listen(18473,"127.0.0.1")';
  createPod('web', {
    command: [process.execPath, '-e', program],
    env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    resources: { limits: { cpu: '500m', memory: '256Mi' } },
    readinessProbe: { httpGet: { path: '/', port: 18_473 }, periodSeconds: 1 },
  });
  const pod = await until(() => isReady('web'));
  expect(pod.status).toMatchObject({
    phase: 'Running',
    podIP: '127.0.0.1',
    containerStatuses: [{ ready: true, restartCount: 0 }],
  });
  const uid = pod.metadata!.uid!;
  const [pid] = cgroups.processes(uid, 'main');
  const cgroup = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  expect(cgroup).toContain(`${name}/pod${uid}/main`);
  expect(quotaOf(uid)).toBe(0.5);
  expect(await until(() => ask('198.51.100.7'))).toBe('198.51.100.7 worker-1');

  const { port } = kubernetes;
  await kubernetes.close();
  expect(await ask('198.51.100.7')).toBe('198.51.100.7 worker-1');
  kubernetes = await startApi(port);

  kubelet.close();
  expect(cgroups.processes(uid, 'main')).toEqual([pid]);
  createPod('later', { command: ['sleep', '1000'] });
  kubelet = start();
  await until(() => isReady('later'));
  expect(isReady('web')?.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  expect(cgroups.processes(uid, 'main')).toEqual([pid]);

  kubernetes.store.delete('pods', 'mlsysops', 'web');
  await until(() => get('web') === undefined);
  expect(cgroups.processes(uid)).toEqual([]);
  await expect(until(() => ask('198.51.100.7'), 5)).rejects.toThrow('ECONNREFUSED');
});

test('restarts what crashes, with a growing pause, and says why a command cannot run', async () => {
  createPod('crash', { command: ['sh', '-c', 'echo told $HOSTNAME; exit 3'] });
  createPod('missing', { command: ['no-such-program'] });
  const crashed = await until(() => {
    const state = get('crash')?.status?.containerStatuses?.[0];
    return state?.state?.waiting?.reason === 'CrashLoopBackOff' && state.restartCount >= 2 ? state : undefined;
  });
  expect(crashed.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
  const logs = join(folder, 'logs', `mlsysops_crash_${get('crash')?.metadata?.uid}`, 'main');
  expect(readdirSync(logs)).toContain('1.log');
  expect(readFileSync(join(logs, '1.log'), 'utf8')).toBe('told crash\n');

  const waiting = await until(() => get('missing')?.status?.containerStatuses?.[0]?.state?.waiting);
  expect(waiting).toEqual({
    reason: 'CreateContainerError',
    message: 'failed to create containerd task: exec: "no-such-program": executable file not found in $PATH',
  });
  const event = await until(() => kubernetes.store.list('events').find(({ reason }) => reason === 'Failed'));
  expect(event).toMatchObject({ type: 'Warning', involvedObject: { name: 'missing' } });
});

test('ends a pod that does not listen after its grace, and what a deleted pod left behind', async () => {
  createPod('stubborn', { command: ['sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done'] });
  createPod('forgotten', { command: ['sleep', '1000'] });
  await until(() => isReady('stubborn') && isReady('forgotten'));
  const uids = ['stubborn', 'forgotten'].map((pod) => get(pod)!.metadata!.uid!);
  kubernetes.store.delete('pods', 'mlsysops', 'stubborn', 1);
  await until(() => get('stubborn') === undefined);
  kubelet.close();
  kubernetes.store.delete('pods', 'mlsysops', 'forgotten', 0);
  expect(cgroups.processes(uids[1]!)).toHaveLength(1);
  kubelet = start();
  await until(() => uids.every((uid) => !cgroups.pods().includes(uid)));
});

function create(resource: string, object: { kind: string; metadata: Record<string, unknown>; spec: object }): void {
  kubernetes.store.create(resource, { apiVersion: 'v1', ...object });
}

function createPod(pod: string, container: object): void {
  create('pods', {
    kind: 'Pod',
    metadata: { name: pod, namespace: 'mlsysops', labels: { app: pod } },
    spec: { nodeName: 'worker-1', containers: [{ name: 'main', image: 'none', ...container }] },
  });
}

const get = (pod: string): Pod | undefined => kubernetes.store.get('pods', 'mlsysops', pod) as Pod | undefined;
const isReady = (pod: string): Pod | undefined => {
  const found = get(pod);
  return found?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ? found : undefined;
};
const ask = async (host: string): Promise<string> =>
  (await fetch(`http://${host}/`, { signal: AbortSignal.timeout(2000) })).text();

/** Cores that the container may use, from its cgroup. */
function quotaOf(uid: string): number {
  const own = `${name}/pod${uid}/main`;
  const v1 = join('/sys/fs/cgroup/cpu', own);
  const [quota, period] = existsSync(v1)
    ? [readFileSync(join(v1, 'cpu.cfs_quota_us'), 'utf8'), readFileSync(join(v1, 'cpu.cfs_period_us'), 'utf8')]
    : readFileSync(join('/sys/fs/cgroup', own, 'cpu.max'), 'utf8').split(' ');
  return Number(quota) / Number(period);
}

/** Polls until `look` gives something; what it throws meanwhile counts as "not yet", and is the cause at the end. */
async function until<T>(look: () => T | Promise<T>, tries = 400): Promise<NonNullable<Exclude<T, false>>> {
  let last: unknown;
  for (let i = 0; i < tries; i++) {
    try {
      const found = await look();
      if (found) return found as NonNullable<Exclude<T, false>>;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const cause = last instanceof Error ? `${last.message} ${last.cause ?? ''}` : '';
  throw new Error(`waited in vain: ${cause}\n${logged.slice(-10).join('\n')}`);
}
