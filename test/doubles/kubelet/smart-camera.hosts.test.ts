import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApplicationDescription } from '../../../agents/descriptions/application.ts';
import { parseDescription } from '../../../agents/descriptions/parse.ts';
import { KubernetesOrchestrator } from '../../../agents/orchestration/kubernetes.ts';
import { systemClock } from '../../../agents/system-clock.ts';
import { parseOpenMetrics } from '../../../agents/telemetry/openmetrics.ts';
import { kubeconfigFor, makeTls } from '../../../provisioning/twin/api/access.ts';
import { type KubernetesApi, startKubernetesApi } from '../../../provisioning/twin/api/server.ts';
import { Api } from './api.ts';
import { Cgroups } from './cgroups.ts';
import { startKubelet } from './kubelet.ts';
import { ServiceProxy } from './proxy.ts';

// The demo application as the agents deploy it, on one node of doubles: its parts find each other through Services alone. Needs root.
const name = `kubelet-camera-${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), `${name}-`));
const cgroups = new Cgroups(name);
const proxy = new ServiceProxy(() => {}, name);
const asset = (file: string): string => fileURLToPath(new URL(`../../../assets/applications/${file}`, import.meta.url));
let kubernetes: KubernetesApi;
let kubelet: ReturnType<typeof startKubelet>;
let orchestrator: KubernetesOrchestrator;

beforeAll(async () => {
  kubernetes = await startKubernetesApi({
    name: 'test',
    host: '127.0.0.1',
    port: 0,
    tls: await makeTls('test', ['127.0.0.1'], Date.now()),
    tokens: [{ token: 'the-token', user: 'admin', groups: [] }],
    podCidr: '10.11.0.0/16',
    // Of this computer's, as those of kubelet.hosts.test.ts, which may run beside this: another network than theirs.
    serviceCidr: '203.0.113.0/24',
    clock: systemClock,
  });
  const kubeconfig = kubeconfigFor(kubernetes, { token: 'the-token' });
  const flags = { kubeconfig: '', nodeName: 'worker-1', nodeIp: '127.0.0.1', nodeLabels: {}, healthzPort: 0, registerTaints: [] };
  const folders = { stateFolder: join(folder, 'state'), logFolder: join(folder, 'logs') };
  kubelet = startKubelet({ api: new Api(kubeconfig), flags, cgroups, proxy, ...folders, log: () => {} });
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  orchestrator = new KubernetesOrchestrator(config, () => {});
  await orchestrator.start();
});

afterAll(async () => {
  orchestrator?.stop();
  kubelet?.close();
  for (let i = 0; i < 100 && !cgroups.pods().every((uid) => cgroups.remove(uid)); i++) await pause();
  cgroups.removeRoot();
  await proxy.remove();
  await kubernetes?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('frames flow through Services, and the classifier is found again when it is replaced', async () => {
  const description = withLocalProgram();
  const application = { uid: 'test', description };
  for (const component of ['classifier', 'detector', 'camera'])
    await orchestrator.deploy(application, component, 'worker-1', 'plan-1');
  const first = await until(async () => {
    const read = await scrape(9103);
    return read.frame_classify_latency_ms !== undefined && read.frames_total! > 10 ? read : undefined;
  });
  expect(first.people_in_view).toBeGreaterThan(0);

  const [pod] = pods('classifier');
  kubernetes.store.delete('pods', 'mlsysops', pod!.metadata.name);
  await until(async () => pods('classifier').length === 1 && pods('classifier')[0]!.metadata.name !== pod!.metadata.name);
  const before = (await scrape(9101)).frames_total!;
  await until(async () => (await scrape(9103)).frame_classify_latency_ms !== undefined);
  await until(async () => (await scrape(9101)).frames_total! > before + 5);
});

/** The shipped description, with the program and the Node of this computer. */
function withLocalProgram(): ApplicationDescription {
  const text = readFileSync(asset('smart-camera.yaml'), 'utf8')
    .replaceAll('/opt/mlsysops/node/bin/node', process.execPath)
    .replaceAll('/opt/mlsysops/share/smart-camera.mjs', asset('smart-camera.mjs'));
  const parsed = parseDescription(text, 'smart-camera.yaml');
  if (parsed.kind !== 'MLSysOpsApp') throw new Error(`unexpected ${parsed.kind}`);
  return parsed.value;
}

const pods = (component: string) =>
  kubernetes.store.list('pods', 'mlsysops').filter(({ metadata }) => metadata.labels?.['mlsysops.eu/component'] === component);

async function scrape(port: number): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(2000) })).text();
  return Object.fromEntries(parseOpenMetrics(text).map(({ metric, value }) => [metric, value]));
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

async function until<T>(look: () => Promise<T>): Promise<NonNullable<Exclude<T, false>>> {
  let last: unknown;
  for (let i = 0; i < 300; i++) {
    try {
      const found = await look();
      if (found) return found as NonNullable<Exclude<T, false>>;
    } catch (error) {
      last = error;
    }
    await pause();
  }
  const states = kubernetes.store
    .list('pods', 'mlsysops')
    .map(({ metadata, status }) => `${metadata.name} ${JSON.stringify(status)}`);
  throw new Error(`waited in vain\n${states.join('\n')}`, { cause: last });
}
