import { existsSync } from 'node:fs';
import {
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  NodeV1Api,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node';
import { applicationSchema } from '../../agents/descriptions/application.ts';
import { customResourceDefinition, namespace, toCustomResource } from '../../agents/descriptions/custom-resource.ts';
import { systemClock } from '../../agents/system-clock.ts';
import { kubeconfigFor, makeTls } from '../../provisioning/twin/api/access.ts';
import { startKubernetesApi } from '../../provisioning/twin/api/server.ts';
import { playKubelets } from './played-kubelets.ts';
import { WatchProxy } from './watch-proxy.ts';

export const nodeNames = ['mlsysops-test-1', 'mlsysops-test-2'] as const;
export const runtimeClass = 'crun';
const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

/**
 * A cluster for these tests: the one that KUBECONFIG names (with controllers and a scheduler; its nodes are left alone), else the twin's.
 * Two nodes are added to it, whose kubelets are played.
 */
export class TestCluster {
  readonly kubeConfig: KubeConfig;
  readonly proxy: WatchProxy;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly custom: CustomObjectsApi;
  readonly isReal: boolean;
  readonly #direct: KubeConfig;
  readonly #close: (() => void | Promise<void>)[];
  /** Forgets former versions, where the cluster's keeper lets one. */
  readonly compact: () => void;

  private constructor(options: {
    direct: KubeConfig;
    proxy: WatchProxy;
    close: (() => void | Promise<void>)[];
    compact: () => void;
    isReal: boolean;
  }) {
    this.#direct = options.direct;
    this.#close = options.close;
    this.proxy = options.proxy;
    this.compact = options.compact;
    this.isReal = options.isReal;
    this.kubeConfig = options.proxy.kubeConfig();
    this.core = options.direct.makeApiClient(CoreV1Api);
    this.apps = options.direct.makeApiClient(AppsV1Api);
    this.custom = options.direct.makeApiClient(CustomObjectsApi);
  }

  /** @throws Error when the cluster that KUBECONFIG names has applications: these tests would remove them */
  static async start(): Promise<TestCluster> {
    const direct = new KubeConfig();
    const close: (() => void | Promise<void>)[] = [];
    let compact = () => {};
    const file = process.env.KUBECONFIG ?? '';
    const isReal = file !== '' && existsSync(file);
    if (isReal) direct.loadFromFile(file);
    else {
      const api = await startKubernetesApi({
        name: 'test',
        host: '127.0.0.1',
        port: 0,
        tls: await makeTls('test', ['127.0.0.1'], Date.now()),
        tokens: [{ token: 'the-token', user: 'admin', groups: [] }],
        podCidr: '10.11.0.0/16',
        serviceCidr: '10.21.0.0/16',
        clock: systemClock,
      });
      close.push(() => api.close());
      compact = () => api.store.compact();
      direct.loadFromString(kubeconfigFor(api, { token: 'the-token' }));
    }
    const proxy = await WatchProxy.before(direct);
    close.push(() => proxy.close());
    const cluster = new TestCluster({ direct, proxy, close, compact, isReal });
    await cluster.#prepare();
    return cluster;
  }

  /** Hands in a description as its users do. Gives what the orchestrators know it by. */
  async describe(value: object): Promise<{ uid: string; description: ReturnType<typeof applicationSchema.parse> }> {
    const description = applicationSchema.parse(value);
    const body = toCustomResource({ kind: 'MLSysOpsApp', value: description });
    const made = (await this.custom.createNamespacedCustomObject({
      group: 'mlsysops.eu',
      version: 'v1',
      namespace,
      plural: 'mlsysopsapps',
      body,
    })) as { metadata: { uid: string } };
    return { uid: made.metadata.uid, description };
  }

  /** Puts another description in the place of one. */
  async redescribe(value: { name: string }): Promise<void> {
    const body = toCustomResource({ kind: 'MLSysOpsApp', value: applicationSchema.parse(value) });
    const place = { group: 'mlsysops.eu', version: 'v1', namespace, plural: 'mlsysopsapps', name: value.name };
    const { metadata } = (await this.custom.getNamespacedCustomObject(place)) as { metadata: object };
    await this.custom.replaceNamespacedCustomObject({ ...place, body: { ...body, metadata } });
  }

  /** Makes a kind known, and waits until it is served: a moment after it is made. */
  async define(body: { metadata: { name?: string | undefined } }, version: string): Promise<void> {
    const definitions = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };
    await unlessThere(this.custom.createClusterCustomObject({ ...definitions, body }));
    const [plural = '', ...group] = (body.metadata.name ?? '').split('.');
    const place = { group: group.join('.'), version, plural };
    for (let i = 0; i < 100; i++) {
      try {
        return void (await this.custom.listClusterCustomObject(place));
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    throw new Error(`${body.metadata.name} is not served`);
  }

  /** Has a node offer devices, as its kubelet does for a device plugin. */
  async offer(node: string, devices: Record<string, number>): Promise<void> {
    const amounts = Object.fromEntries(Object.entries(devices).map(([device, count]) => [device, String(count)]));
    await this.core.patchNodeStatus({ name: node, body: { status: { capacity: amounts, allocatable: amounts } } }, merge);
  }

  async stop(): Promise<void> {
    const everything = { group: 'mlsysops.eu', version: 'v1', namespace, plural: 'mlsysopsapps' };
    await this.custom.deleteCollectionNamespacedCustomObject(everything);
    await this.apps.deleteCollectionNamespacedDeployment({ namespace });
    for (const { metadata } of (await this.core.listNamespacedService({ namespace })).items)
      await this.core.deleteNamespacedService({ name: metadata?.name ?? '', namespace });
    await this.core.deleteCollectionNamespacedPod({ namespace, gracePeriodSeconds: 0 });
    for (const name of nodeNames) await this.core.deleteNode({ name });
    for (const close of this.#close.splice(0).reverse()) await close();
  }

  async #prepare(): Promise<void> {
    await this.define(customResourceDefinition('MLSysOpsApp'), 'v1');
    await unlessThere(this.core.createNamespace({ body: { metadata: { name: namespace } } }));
    const inUse = await this.apps.listNamespacedDeployment({ namespace });
    if (inUse.items.length > 0) throw new Error('the cluster that KUBECONFIG names has applications; take another for tests');
    const time = new Date();
    for (const name of nodeNames) {
      const body = { metadata: { name, labels: { 'kubernetes.io/hostname': `${name}.lab` } } };
      await unlessThere(this.core.createNode({ body }));
      const amounts = { cpu: '3500m', memory: '6Gi', pods: '110' };
      const ready = { type: 'Ready', status: 'True', lastHeartbeatTime: time, lastTransitionTime: time };
      const status = { capacity: amounts, allocatable: amounts, conditions: [ready] };
      await this.core.patchNodeStatus({ name, body: { status } }, merge);
      // An API server taints new nodes; the controller that would take it away may not be there.
      await this.core.patchNode({ name, body: { spec: { taints: null } } }, merge);
    }
    await unlessThere(
      this.#direct.makeApiClient(NodeV1Api).createRuntimeClass({ body: { metadata: { name: runtimeClass }, handler: 'crun' } }),
    );
    const kubelets = await playKubelets(this.#direct, nodeNames);
    this.#close.push(() => kubelets.stop());
  }
}

async function unlessThere(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 409)) throw error;
  }
}
