import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { componentSchema } from '../../agents/descriptions/application.ts';
import { KarmadaOrchestrator } from '../../agents/orchestration/karmada.ts';
import { KubernetesOrchestrator } from '../../agents/orchestration/kubernetes.ts';
import { OrchestrationError, servingPod } from '../../agents/orchestration/orchestrator.ts';
import { karmadaDefinitions } from '../../provisioning/twin/karmada/definitions.ts';
import { nodeNames, TestCluster } from './test-cluster.ts';

const [one, two] = nodeNames;
const namespace = 'mlsysops';
const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
const patient = { timeout: 15_000, interval: 20 };
const shop = (name: string) => ({
  name,
  components: [
    {
      metadata: { name: `${name}-front` },
      containers: [
        {
          image: 'front:1',
          command: ['serve'],
          platform_requirements: { cpu: { requests: '250m' }, memory: { limits: '64Mi' } },
          ports: [{ name: 'metrics', container_port: 9100 }],
          env: [{ name: 'NODE', value_from: { field_ref: { field_path: 'spec.nodeName' } } }],
        },
      ],
    },
  ],
});

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start();
}, 30_000);
afterAll(() => cluster?.stop(), 30_000);

test('a component becomes one pinned Deployment and a Service; moving changes the pin alone; removing is harmless twice', async () => {
  const orchestrator = new KubernetesOrchestrator(cluster.kubeConfig, () => {});
  await orchestrator.start();
  try {
    const node = orchestrator.nodes().find(({ name }) => name === one);
    expect(node).toMatchObject({ ready: true, cores: 3.5, memoryBytes: 6 * 2 ** 30, taints: [] });
    const application = await cluster.describe(shop('shop'));
    await vi.waitFor(() => expect(orchestrator.applications()).toEqual([application]), patient);

    await orchestrator.deploy(application, 'shop-front', one, 'plan-1');
    // What has been asked for counts at once: who decides next must not wait for a watch to tell.
    expect(orchestrator.components()).toMatchObject([{ component: 'shop-front', pin: one }]);
    await orchestrator.deploy(application, 'shop-front', one, 'plan-1');
    const stored = await cluster.apps.readNamespacedDeployment({ name: 'shop-shop-front', namespace });
    const marks = { 'mlsysops.eu/app': 'shop', 'mlsysops.eu/component': 'shop-front' };
    expect(stored).toMatchObject({
      spec: {
        replicas: 1,
        selector: { matchLabels: marks },
        strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: {
          metadata: {
            labels: {
              ...marks,
              'mlsysops.eu/planUID': 'plan-1',
              'mlsysops.eu/componentUID': expect.stringMatching(/^[0-9a-f]{16}$/),
            },
            annotations: { 'mlsysops.eu/metrics-port': '9100' },
          },
          spec: {
            nodeSelector: { 'kubernetes.io/hostname': `${one}.lab` },
            containers: [
              {
                image: 'front:1',
                command: ['serve'],
                resources: { requests: { cpu: '250m' }, limits: { memory: '64Mi' } },
                env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
              },
            ],
          },
        },
      },
    });
    const service = await cluster.core.readNamespacedService({ name: 'shop-front', namespace });
    expect(service).toMatchObject({ spec: { ports: [{ port: 9100 }] } });
    const serving = () => orchestrator.components().map(servingPod)[0];
    await vi.waitFor(
      () => expect(serving()).toMatchObject({ node: one, ready: true, metricsPort: 9100, planUid: 'plan-1' }),
      patient,
    );

    const before = cluster.proxy.changes.length;
    await orchestrator.pin('shop', 'shop-front', two, 'plan-2');
    expect(orchestrator.components()).toMatchObject([{ pin: two }]);
    expect(cluster.proxy.changes.slice(before)).toEqual([`PATCH ${deployments}/shop-shop-front application/merge-patch+json`]);
    // Never without a pod that is ready, until the new one alone is left.
    let least = 1;
    const watching = orchestrator.onChange(() => {
      least = Math.min(least, orchestrator.components()[0]?.pods.filter(({ ready, leaving }) => ready && !leaving).length ?? 0);
    });
    await vi.waitFor(() => expect(orchestrator.components()[0]?.pods).toMatchObject([{ node: two, ready: true }]), patient);
    watching.close();
    expect(least).toBe(1);
    expect(await cluster.apps.readNamespacedDeployment({ name: 'shop-shop-front', namespace })).toMatchObject({
      spec: {
        selector: { matchLabels: marks },
        template: {
          metadata: { labels: { ...marks, 'mlsysops.eu/planUID': 'plan-2' } },
          spec: { nodeSelector: { 'kubernetes.io/hostname': `${two}.lab` }, containers: [{ image: 'front:1' }] },
        },
      },
    });

    // A device of a plugin, with what tells the code of it, beside what the container has; and all as it was.
    const gpu = { 'example.com/gpu': '1' };
    const containers = [{ name: 'shop-front', devices: gpu, env: { MLSYSOPS_ACCELERATOR: 'gpu' } }];
    const putBack = await orchestrator.workloads.change('shop', 'shop-front', { containers }, 'plan-3');
    const template = async () =>
      (await cluster.apps.readNamespacedDeployment({ name: 'shop-shop-front', namespace })).spec?.template.spec?.containers[0];
    expect(await template()).toMatchObject({
      resources: { requests: { cpu: '250m', ...gpu }, limits: { memory: '64Mi', ...gpu } },
      env: expect.arrayContaining([expect.objectContaining({ name: 'NODE' }), { name: 'MLSYSOPS_ACCELERATOR', value: 'gpu' }]),
    });
    await vi.waitFor(() => expect(orchestrator.workloads.views()[0]?.containers[0]?.devices).toEqual(gpu), patient);
    await putBack();
    expect(await template()).toMatchObject({ resources: { requests: { cpu: '250m' } }, env: [{ name: 'NODE' }] });
    expect(JSON.stringify(await template())).not.toContain('example.com/gpu');

    await orchestrator.report('shop', { phase: 'Deployed', ready: '1/1', clusters: 'c', components: [] });
    const place = { group: 'mlsysops.eu', version: 'v1', namespace, plural: 'mlsysopsapps', name: 'shop' };
    expect(await cluster.custom.getNamespacedCustomObject(place)).toMatchObject({ status: { phase: 'Deployed', ready: '1/1' } });
    await orchestrator.report('nobody', { phase: 'Deployed', ready: '1/1', clusters: 'c', components: [] });

    await orchestrator.remove('shop', 'shop-front');
    await orchestrator.remove('shop', 'shop-front');
    await vi.waitFor(() => expect(orchestrator.components()).toEqual([]), patient);
    await expect(orchestrator.pin('shop', 'shop-front', one, 'p')).rejects.toThrow(OrchestrationError);
    await expect(orchestrator.pin('shop', 'shop-front', one, 'p')).rejects.toThrow(
      `pin Deployment shop-shop-front to ${one}: 404 deployments.apps "shop-shop-front" not found`,
    );
    // A failed one leaves nothing behind of what was to be.
    expect(orchestrator.components()).toEqual([]);
  } finally {
    orchestrator.stop();
  }
}, 60_000);

test('an accelerator that is described is asked for as the node calls it, also after a move', async () => {
  const orchestrator = new KubernetesOrchestrator(cluster.kubeConfig, () => {});
  await orchestrator.start();
  try {
    const devices = { [one]: { 'nvidia.com/gpu': 2 }, [two]: { 'gpu.intel.com/i915': 1 } };
    for (const [node, offered] of Object.entries(devices)) await cluster.offer(node, offered);
    await vi.waitFor(
      () =>
        expect(orchestrator.nodes().filter(({ name }) => name in devices)).toMatchObject([
          { devices: devices[one] },
          { devices: devices[two] },
        ]),
      patient,
    );
    const containers = [{ image: 'eye:1', platform_requirements: { cpu: { requests: '250m' }, gpu: { requests: 1 } } }];
    const application = await cluster.describe({ name: 'sight', components: [{ metadata: { name: 'eye' }, containers }] });
    const resources = async () =>
      (await cluster.apps.readNamespacedDeployment({ name: 'sight-eye', namespace })).spec?.template.spec?.containers[0]
        ?.resources;
    await orchestrator.deploy(application, 'eye', one, 'plan-1');
    const nvidia = { 'nvidia.com/gpu': '1' };
    expect(await resources()).toEqual({ requests: { cpu: '250m', ...nvidia }, limits: nvidia });
    await vi.waitFor(() => expect(orchestrator.workloads.views()[0]?.containers[0]?.devices).toEqual(nvidia), patient);
    await orchestrator.pin('sight', 'eye', two, 'plan-2');
    const intel = { 'gpu.intel.com/i915': '1' };
    expect(await resources()).toEqual({ requests: { cpu: '250m', ...intel }, limits: intel });
    await orchestrator.remove('sight', 'eye');
  } finally {
    orchestrator.stop();
  }
});

test('views follow the API through cut connections, watches that end, and versions that are too old', async () => {
  const said: string[] = [];
  const orchestrator = new KubernetesOrchestrator(cluster.kubeConfig, (_level, text) => said.push(text));
  await orchestrator.start();
  try {
    const application = await cluster.describe(shop('store'));
    const names = () => orchestrator.describedNames().toSorted();
    await orchestrator.deploy(application, 'store-front', one, 'plan-1');
    const pods = () => orchestrator.components().find(({ application }) => application === 'store')?.pods ?? [];
    await vi.waitFor(() => expect(pods()).toMatchObject([{ node: one, ready: true }]), patient);
    const { proxy } = cluster;

    // Cut in the middle: what has changed meanwhile is found again.
    await vi.waitFor(() => expect(proxy.open).toBe(5), patient);
    proxy.cutWatches();
    await orchestrator.pin('store', 'store-front', two, 'plan-2');
    await cluster.describe(shop('while-cut'));
    await vi.waitFor(() => expect(pods()).toMatchObject([{ node: two, ready: true }]), patient);
    await vi.waitFor(() => expect(names()).toContain('while-cut'), patient);

    // Ended in good order: gone on from the same version, without another list of everything.
    await vi.waitFor(() => expect(proxy.open).toBe(5), patient);
    proxy.endWatches();
    const lists = proxy.lists.length;
    await cluster.describe(shop('while-ended'));
    await vi.waitFor(() => expect(names()).toContain('while-ended'), patient);
    expect(proxy.lists.slice(lists)).toEqual([]);

    // Too old to go on from: told 410 Gone by the server itself, and listed anew.
    await vi.waitFor(() => expect(proxy.open).toBe(5), patient);
    cluster.compact();
    proxy.askFromLongAgo(true);
    proxy.endWatches();
    await cluster.describe(shop('while-outdated'));
    await vi.waitFor(() => expect(proxy.expired).toBeGreaterThanOrEqual(5), patient);
    await vi.waitFor(() => expect(names()).toContain('while-outdated'), patient);
    proxy.askFromLongAgo(false);
    await cluster.describe(shop('afterwards'));
    await vi.waitFor(() => expect(names()).toContain('afterwards'), patient);
    expect(proxy.lists.length).toBeGreaterThan(lists);

    await vi.waitFor(() => expect(proxy.open).toBe(5), patient);
    proxy.expireWatches();
    await orchestrator.respec(
      'store',
      componentSchema.parse({ metadata: { name: 'store-front' }, containers: [{ image: 'broken:1' }] }),
      'plan-3',
    );
    await vi.waitFor(
      () => expect(pods()[0]).toMatchObject({ ready: false, reason: expect.stringMatching(/^ImagePullBackOff: .*broken:1/) }),
      patient,
    );
    expect(servingPod(orchestrator.components()[0]!)).toMatchObject({ node: two, ready: true, planUid: 'plan-2' });

    await orchestrator.remove('store', 'store-front');
    await vi.waitFor(() => expect(orchestrator.components()).toEqual([]), patient);
  } finally {
    cluster.proxy.askFromLongAgo(false);
    orchestrator.stop();
  }
}, 90_000);

test('the continuum: submit, place by a PropagationPolicy, update, withdraw', async () => {
  for (const definition of karmadaDefinitions) await cluster.define(definition, 'v1alpha1');
  const place = { group: 'cluster.karmada.io', version: 'v1alpha1', plural: 'clusters' };
  const member = async (name: string, spec: object, conditions: object[]) => {
    const body = { apiVersion: 'cluster.karmada.io/v1alpha1', kind: 'Cluster', metadata: { name }, spec };
    await cluster.custom.createClusterCustomObject({ ...place, body });
    const made = (await cluster.custom.getClusterCustomObject({ ...place, name })) as object;
    const status = { kubernetesVersion: 'v1.36.2', conditions };
    await cluster.custom.replaceClusterCustomObjectStatus({ ...place, name, body: { ...made, status } });
  };
  await member('test-cluster1', { region: 'eu' }, [{ type: 'Ready', status: 'True' }]);
  await member('test-cluster2', {}, [{ type: 'Ready', status: 'False', message: 'gone' }]);
  const karmada = new KarmadaOrchestrator(cluster.kubeConfig, () => {});
  await karmada.start();
  try {
    expect(karmada.members().filter(({ name }) => name.startsWith('test-'))).toMatchObject([
      { name: 'test-cluster1', ready: true, region: 'eu', kubernetesVersion: 'v1.36.2' },
      { name: 'test-cluster2', ready: false, reason: 'gone' },
    ]);
    const { description } = await cluster.describe(shop('described-for-its-schema'));
    const bazaar = { ...description, name: 'bazaar' };
    const uid = await karmada.submit(bazaar);
    expect(uid).not.toBe('');
    expect(await karmada.submit(bazaar)).toBe(uid);
    await karmada.place('bazaar', ['test-cluster1'], 'plan-1');
    await karmada.place('bazaar', ['test-cluster1'], 'plan-2');
    const found = () => karmada.applications().filter((application) => application.description.name === 'bazaar');
    await vi.waitFor(() => expect(found()).toEqual([{ uid, description: bazaar, clusters: ['test-cluster1'] }]), patient);
    const policy = { group: 'policy.karmada.io', version: 'v1alpha1', namespace, plural: 'propagationpolicies' };
    expect(await cluster.custom.getNamespacedCustomObject({ ...policy, name: 'mlsysops-bazaar' })).toMatchObject({
      metadata: { labels: { 'mlsysops.eu/planUID': 'plan-2' } },
      spec: {
        resourceSelectors: [{ apiVersion: 'mlsysops.eu/v1', kind: 'MLSysOpsApp', name: 'bazaar' }],
        placement: { clusterAffinity: { clusterNames: ['test-cluster1'] } },
      },
    });
    expect(await karmada.withdraw('bazaar')).toBe(true);
    expect(await karmada.withdraw('bazaar')).toBe(false);
  } finally {
    karmada.stop();
    for (const name of ['test-cluster1', 'test-cluster2']) await cluster.custom.deleteClusterCustomObject({ ...place, name });
  }
}, 60_000);
