import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AppsV1Api, CoreV1Api, CustomObjectsApi, KubeConfig, Watch } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../agents/system-clock.ts';
import { kubeconfigFor, makeTls } from './access.ts';
import { kubectls, kubectlsTested } from './kubectls.fixture.ts';
import type { StoredObject } from './objects.ts';
import { type KubernetesApi, startKubernetesApi } from './server.ts';

const run = promisify(execFile);
const token = 'a-token-of-this-test';

let api: KubernetesApi;
let folder: string;
let config: KubeConfig;
let kubelet: { close(): void };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'twin-api-'));
  const tls = await makeTls('test', ['127.0.0.1', 'localhost'], Date.now());
  api = await startKubernetesApi({
    name: 'test',
    host: '127.0.0.1',
    port: 0,
    tls,
    tokens: [{ token, user: 'admin', groups: ['system:masters'] }],
    podCidr: '10.11.0.0/16',
    serviceCidr: '10.21.0.0/16',
    clock: systemClock,
  });
  const kubeconfig = kubeconfigFor(api, { token });
  writeFileSync(join(folder, 'kubeconfig'), kubeconfig);
  config = new KubeConfig();
  config.loadFromString(kubeconfig);
  for (const name of ['one', 'two']) {
    api.store.create('nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name } },
      status: {
        allocatable: { cpu: '4' },
        conditions: [{ type: 'Ready', status: 'True' }],
        nodeInfo: { kubeletVersion: 'v1.36.2-test' },
      },
    });
  }
  kubelet = playKubelet();
});
afterAll(async () => {
  kubelet.close();
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Plays kubelet on the store: a pod with a node runs at once, one that is deleted goes. */
function playKubelet(): { close(): void } {
  const act = (pod: StoredObject) => {
    const { namespace, name, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp) return void api.store.delete('pods', namespace, name, 0);
    const node = (pod.spec as { nodeName?: string }).nodeName;
    if (!node || (pod.status as { phase?: string })?.phase === 'Running') return;
    api.store.patchStatus('pods', namespace, name, {
      phase: 'Running',
      podIP: '10.11.0.9',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'main', ready: true, restartCount: 0, state: { running: {} } }],
    });
  };
  return api.store.watch('pods', ({ type, object }) => {
    if (type !== 'DELETED')
      setImmediate(() => api.store.get('pods', object.metadata.namespace, object.metadata.name) && act(object));
  });
}

const deployment = (name: string, node: string, image = 'one') => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'default' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        nodeSelector: { 'kubernetes.io/hostname': node },
        containers: [{ name: 'main', image, ports: [{ containerPort: 80 }] }],
      },
    },
  },
});
const podsOf = (name: string) => api.store.list('pods', 'default').filter((pod) => pod.metadata.labels?.app === name);
const nodesOf = (name: string) => podsOf(name).map((pod) => (pod.spec as { nodeName?: string }).nodeName);

describe.each(kubectls)('kubectl $version', ({ program: kubectl, version }) => {
  const ctl = async (...args: string[]) =>
    (await run(kubectl, ['--kubeconfig', join(folder, 'kubeconfig'), '--cache-dir', join(folder, 'cache'), ...args])).stdout;
  const name = `with-${version.replaceAll('.', '-')}`;

  it('gets, applies twice, watches, rolls out, scales and deletes', async () => {
    expect(await ctl('get', 'nodes', '-o', 'wide')).toMatch(
      /^NAME +STATUS +ROLES +AGE +VERSION[\s\S]*one +Ready +<none> +\d+s +v1\.36\.2-test/,
    );
    const file = join(folder, `${name}.json`);
    const watching = spawn(kubectl, ['--kubeconfig', join(folder, 'kubeconfig'), 'get', 'pods', '-A', '-w'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let seen = '';
    watching.stdout.on('data', (chunk: Buffer) => {
      seen += String(chunk);
    });
    try {
      writeFileSync(file, JSON.stringify(deployment(name, 'one')));
      expect(await ctl('apply', '-f', file)).toContain('created');
      await ctl('rollout', 'status', `deployment/${name}`, '--timeout=20s');
      expect(nodesOf(name)).toEqual(['one']);
      await expect.poll(() => seen, { timeout: 10_000 }).toMatch(new RegExp(`default +${name}-\\S+ +1/1 +Running`));

      writeFileSync(file, JSON.stringify(deployment(name, 'two', 'another')));
      expect(await ctl('apply', '-f', file)).toContain('configured');
      expect(await ctl('apply', '-f', file)).toContain('unchanged');
      await ctl('rollout', 'status', `deployment/${name}`, '--timeout=20s');
      await expect.poll(() => nodesOf(name)).toEqual(['two']);
      expect(await ctl('get', 'deploy', '-o', 'wide')).toMatch(new RegExp(`${name} +1/1 +1 +1 +\\d+s +main +another`));

      await ctl('scale', `deployment/${name}`, '--replicas=3');
      await expect.poll(() => podsOf(name).length).toBe(3);
      expect(await ctl('delete', 'deployment', name, '--timeout=20s')).toContain('deleted');
      await expect.poll(() => podsOf(name)).toEqual([]);
    } finally {
      watching.kill();
    }
  }, 60_000);

  it('is told in words what is wrong', async () => {
    await expect(ctl('get', 'pod', 'nobody')).rejects.toThrow('pods "nobody" not found');
    await expect(ctl('get', 'nodes', '--token=wrong')).rejects.toThrow(/Unauthorized|must be logged in/);
  });
});

describe('the client library', () => {
  it(kubectlsTested, () => expect(kubectls).not.toEqual([]));

  it('sees relocation as create before destroy', async () => {
    const apps = config.makeApiClient(AppsV1Api);
    await apps.createNamespacedDeployment({ namespace: 'default', body: deployment('mover', 'one') });
    await expect.poll(() => nodesOf('mover')).toEqual(['one']);
    let most = 0;
    let least = 9;
    const watch = api.store.watch('pods', () => {
      const ready = podsOf('mover').filter(
        (pod) => !pod.metadata.deletionTimestamp && (pod.status as { phase?: string })?.phase === 'Running',
      );
      most = Math.max(most, podsOf('mover').length);
      least = Math.min(least, ready.length);
    });
    await apps.replaceNamespacedDeployment({ name: 'mover', namespace: 'default', body: deployment('mover', 'two') });
    await expect.poll(() => nodesOf('mover')).toEqual(['two']);
    watch.close();
    expect({ most, least }).toEqual({ most: 2, least: 1 });
  });

  it('lists, conflicts, selects and watches; a watch from too long ago is told 410', async () => {
    const core = config.makeApiClient(CoreV1Api);
    const created = await core.createNamespacedConfigMap({
      namespace: 'default',
      body: { metadata: { name: 'c', labels: { a: 'b' } }, data: { k: '1' } },
    });
    await core.replaceNamespacedConfigMap({ name: 'c', namespace: 'default', body: { ...created, data: { k: '2' } } });
    await expect(
      core.replaceNamespacedConfigMap({ name: 'c', namespace: 'default', body: { ...created, data: { k: '3' } } }),
    ).rejects.toMatchObject({ code: 409 });
    const selected = await core.listNamespacedConfigMap({ namespace: 'default', labelSelector: 'a in (b, x),!z' });
    expect(selected.items.map((item) => item.data)).toEqual([{ k: '2' }]);

    const events: string[] = [];
    const watch = await new Watch(config).watch(
      '/api/v1/namespaces/default/configmaps',
      { labelSelector: 'a=b', resourceVersion: selected.metadata?.resourceVersion },
      (type) => events.push(type),
      () => {},
    );
    await core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'other' } } });
    // Loses the label: for this watch it is gone.
    await core.replaceNamespacedConfigMap({ name: 'c', namespace: 'default', body: { metadata: { name: 'c' } } });
    await expect.poll(() => events).toEqual(['DELETED']);
    watch.abort();
  });

  it('serves custom resources once they are defined, with status apart', async () => {
    api.store.create('apiextensions.k8s.io/customresourcedefinitions', {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.org' },
      spec: {
        group: 'example.org',
        scope: 'Namespaced',
        names: { plural: 'things', singular: 'thing', kind: 'Thing' },
        versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} } }],
      },
    });
    const custom = config.makeApiClient(CustomObjectsApi);
    const place = { group: 'example.org', version: 'v1', namespace: 'default', plural: 'things' };
    await custom.createNamespacedCustomObject({
      ...place,
      body: { apiVersion: 'example.org/v1', kind: 'Thing', metadata: { name: 't' }, size: 3 },
    });
    await custom.replaceNamespacedCustomObjectStatus({
      ...place,
      name: 't',
      body: { apiVersion: 'example.org/v1', kind: 'Thing', metadata: { name: 't' }, size: 99, status: { ok: true } },
    });
    expect(await custom.getNamespacedCustomObject({ ...place, name: 't' })).toMatchObject({ size: 3, status: { ok: true } });
  });

  it('gives a service an address and the endpoints of its ready pods', async () => {
    const core = config.makeApiClient(CoreV1Api);
    await core.createNamespacedService({
      namespace: 'default',
      body: { metadata: { name: 's' }, spec: { selector: { app: 'mover' }, ports: [{ port: 80 }] } },
    });
    await expect
      .poll(() => api.store.get('endpoints', 'default', 's')?.subsets)
      .toMatchObject([{ addresses: [{ ip: '10.11.0.9' }], ports: [{ port: 80 }] }]);
    expect((await core.readNamespacedService({ name: 's', namespace: 'default' })).spec?.clusterIP).toMatch(/^10\.21\.0\.\d+$/);
  });
});
