import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseDescription } from '../descriptions/parse.ts';
import { KarmadaOrchestrator } from './karmada.ts';
import { KubernetesOrchestrator } from './kubernetes.ts';
import { OrchestrationError, servingPod } from './orchestrator.ts';

interface Stored {
  metadata: { name: string; resourceVersion?: string; uid?: string; labels?: Record<string, string> };
  [field: string]: unknown;
}

/** Stands in for an API server: collections by path, lists, watches, and faults on demand. It runs no controllers. A double, for this file alone. */
class ApiDouble {
  readonly server: Server = createServer((request, response) => void this.#handle(request, response));
  readonly objects = new Map<string, Stored>();
  readonly requests: string[] = [];
  readonly #watches = new Set<{ collection: string; response: ServerResponse }>();
  lists = 0;
  #version = 0;

  put(collection: string, object: Stored): void {
    const key = `${collection}/${object.metadata.name}`;
    const type = this.objects.has(key) ? 'MODIFIED' : 'ADDED';
    const metadata = { uid: `uid-${object.metadata.name}`, ...object.metadata, resourceVersion: String(++this.#version) };
    this.objects.set(key, { ...object, metadata });
    this.#tell(collection, type, this.objects.get(key)!);
  }

  remove(collection: string, name: string): boolean {
    const object = this.objects.get(`${collection}/${name}`);
    if (!object) return false;
    this.objects.delete(`${collection}/${name}`);
    this.#tell(collection, 'DELETED', object);
    return true;
  }

  /** As when an API server restarts. */
  cutWatches(): void {
    for (const watch of this.#watches) watch.response.destroy();
    this.#watches.clear();
  }

  /** As when the versions a watch wants have been compacted away. */
  expireWatches(): void {
    for (const { response } of this.#watches)
      response.write(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`, () =>
        response.end(),
      );
    this.#watches.clear();
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  #tell(collection: string, type: string, object: Stored): void {
    for (const watch of this.#watches)
      if (watch.collection === collection) watch.response.write(`${JSON.stringify({ type, object })}\n`);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://api');
    const path = url.pathname;
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const send = (code: number, body: unknown): void => {
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const collection = path.slice(0, path.lastIndexOf('/'));
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (request.method !== 'GET') this.requests.push(`${request.method} ${path} ${request.headers['content-type'] ?? ''}`);
    if (request.method === 'GET' && url.searchParams.get('watch') === 'true') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      this.#watches.add({ collection: path, response });
      // What has come since the version that it asks from: a watch may begin after it.
      const since = Number(url.searchParams.get('resourceVersion'));
      for (const [key, object] of this.objects)
        if (key.startsWith(`${path}/`) && Number(object.metadata.resourceVersion) > since)
          response.write(`${JSON.stringify({ type: 'ADDED', object })}\n`);
      return;
    }
    if (request.method === 'GET') {
      const object = this.objects.get(path);
      if (object) return send(200, object);
      this.lists++;
      const items = [...this.objects].filter(([key]) => key.startsWith(`${path}/`)).map(([, item]) => item);
      return send(200, { items, metadata: { resourceVersion: String(this.#version) } });
    }
    if (request.method === 'POST') {
      const object = JSON.parse(text) as Stored;
      if (this.objects.has(`${path}/${object.metadata.name}`)) return send(409, { code: 409, message: 'exists' });
      this.put(path, object);
      return send(201, this.objects.get(`${path}/${object.metadata.name}`));
    }
    const existing = this.objects.get(path);
    if (!existing) return send(404, { code: 404, message: `${name} not found` });
    if (request.method === 'DELETE') this.remove(collection, name);
    else this.put(collection, request.method === 'PUT' ? JSON.parse(text) : (merged(existing, JSON.parse(text)) as Stored));
    return send(200, existing);
  }
}

/** JSON merge patch (RFC 7386). */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(typeof target === 'object' && target !== null ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

const described = parseDescription(
  `MLSysOpsApp:
  name: shop
  components:
    - metadata: { name: front }
      containers:
        - image: front:1
          command: [serve]
          platform_requirements: { cpu: { requests: 250m }, memory: { limits: 64Mi } }
          ports: [{ name: metrics, container_port: 9100 }]
          env: [{ name: NODE, value_from: { field_ref: { field_path: spec.nodeName } } }]
`,
  'shop.yaml',
);
if (described.kind !== 'MLSysOpsApp') throw new Error('unexpected');
const application = { uid: 'uid-shop', description: described.value };

const nodes = '/api/v1/nodes';
const pods = '/api/v1/namespaces/mlsysops/pods';
const deployments = '/apis/apps/v1/namespaces/mlsysops/deployments';
const node = (name: string) => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': `${name}.lab` } },
  status: { conditions: [{ type: 'Ready', status: 'True' }], allocatable: { cpu: '3500m', memory: '6Gi' } },
});
const pod = (name: string, on: string, more: object = {}) => ({
  metadata: {
    name,
    labels: { 'mlsysops.eu/app': 'shop', 'mlsysops.eu/component': 'front', 'mlsysops.eu/planUID': 'p' },
    annotations: { 'mlsysops.eu/metrics-port': '9100' },
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  spec: { nodeName: on },
  status: { phase: 'Running', podIP: '10.0.0.9', conditions: [{ type: 'Ready', status: 'True' }], ...more },
});

let api: ApiDouble;
let kubeConfig: KubeConfig;
beforeEach(async () => {
  api = new ApiDouble();
  api.server.listen(0, '127.0.0.1');
  await once(api.server, 'listening');
  kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    { name: 'c', skipTLSVerify: true, server: `http://127.0.0.1:${(api.server.address() as AddressInfo).port}` },
    { name: 'u', token: 'token' },
  );
});
afterEach(() => api.close());

test('a component becomes one pinned Deployment and a Service; moving changes the pin alone; removing is harmless twice', async () => {
  api.put(nodes, node('w1'));
  api.put(nodes, node('w2'));
  const orchestrator = new KubernetesOrchestrator(kubeConfig, () => {});
  await orchestrator.start();
  expect(api.objects.has('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/mlsysopsapps.mlsysops.eu')).toBe(true);
  expect(orchestrator.nodes()[0]).toMatchObject({ name: 'w1', ready: true, cores: 3.5, memoryBytes: 6 * 2 ** 30 });

  await orchestrator.deploy(application, 'front', 'w1', 'plan-1');
  await orchestrator.deploy(application, 'front', 'w1', 'plan-1');
  const stored = api.objects.get(`${deployments}/shop-front`);
  const marks = { 'mlsysops.eu/app': 'shop', 'mlsysops.eu/component': 'front' };
  expect(stored).toMatchObject({
    spec: {
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
          nodeSelector: { 'kubernetes.io/hostname': 'w1.lab' },
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
  expect(api.objects.get('/api/v1/namespaces/mlsysops/services/front')).toMatchObject({ spec: { ports: [{ port: 9100 }] } });

  await orchestrator.pin('shop', 'front', 'w2', 'plan-2');
  expect(api.requests).toContain(`PATCH ${deployments}/shop-front application/merge-patch+json`);
  const moved = api.objects.get(`${deployments}/shop-front`);
  expect(moved).toMatchObject({
    spec: {
      selector: { matchLabels: marks },
      template: {
        metadata: { labels: { ...marks, 'mlsysops.eu/planUID': 'plan-2' } },
        spec: { nodeSelector: { 'kubernetes.io/hostname': 'w2.lab' } },
      },
    },
  });
  await vi.waitFor(() => expect(orchestrator.components()).toMatchObject([{ component: 'front', pin: 'w2' }]));
  const resource = '/apis/mlsysops.eu/v1/namespaces/mlsysops/mlsysopsapps/shop/status';
  await orchestrator.report('shop', { phase: 'Deployed', ready: '1/1', clusters: 'c', components: [] });
  expect(api.requests).toContain(`PATCH ${resource} application/merge-patch+json`);
  await orchestrator.remove('shop', 'front');
  await orchestrator.remove('shop', 'front');
  await vi.waitFor(() => expect(orchestrator.components()).toEqual([]));
  await expect(orchestrator.pin('shop', 'front', 'w1', 'p')).rejects.toThrow(OrchestrationError);
  await expect(orchestrator.pin('shop', 'front', 'w1', 'p')).rejects.toThrow(/pin Deployment shop-front to w1: 404 .*not found/);
  orchestrator.stop();
});

test('views follow the API through events, a cut connection and expired versions', async () => {
  const orchestrator = new KubernetesOrchestrator(kubeConfig, () => {});
  await orchestrator.start();
  let changes = 0;
  orchestrator.onChange(() => changes++);
  await orchestrator.deploy(application, 'front', 'w1', 'plan-1');
  api.put(pods, pod('front-1', 'w1'));
  const serving = () => orchestrator.components().map(servingPod)[0];
  await vi.waitFor(() => expect(serving()).toMatchObject({ name: 'front-1', node: 'w1', ready: true, metricsPort: 9100 }));
  expect(changes).toBeGreaterThan(0);

  const lists = api.lists;
  api.cutWatches();
  api.remove(pods, 'front-1');
  const waiting = { containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } }] };
  api.put(pods, pod('front-2', 'w2', { conditions: [], phase: 'Pending', ...waiting }));
  await vi.waitFor(
    () => expect(serving()).toMatchObject({ name: 'front-2', ready: false, reason: 'ImagePullBackOff: no such image' }),
    { timeout: 5000 },
  );
  expect(orchestrator.components()[0]?.pods).toHaveLength(1);

  await vi.waitFor(() => expect(api.lists).toBeGreaterThan(lists));
  api.expireWatches();
  api.put(pods, pod('front-3', 'w2'));
  await vi.waitFor(() => expect(serving()).toMatchObject({ name: 'front-3', ready: true }), { timeout: 5000 });
  orchestrator.stop();
});

test('the continuum: submit, place by a PropagationPolicy, update, withdraw', async () => {
  const clusters = '/apis/cluster.karmada.io/v1alpha1/clusters';
  api.put(clusters, {
    metadata: { name: 'cluster1' },
    spec: { region: 'eu' },
    status: { kubernetesVersion: 'v1.36.2', conditions: [{ type: 'Ready', status: 'True' }] },
  });
  api.put(clusters, {
    metadata: { name: 'cluster2' },
    status: { conditions: [{ type: 'Ready', status: 'False', message: 'gone' }] },
  });
  const karmada = new KarmadaOrchestrator(kubeConfig, () => {});
  await karmada.start();
  expect(karmada.members()).toMatchObject([
    { name: 'cluster1', ready: true, region: 'eu', kubernetesVersion: 'v1.36.2' },
    { name: 'cluster2', ready: false, reason: 'gone' },
  ]);
  expect(await karmada.submit(application.description)).toBe('uid-shop');
  expect(await karmada.submit(application.description)).toBe('uid-shop');
  await karmada.place('shop', ['cluster1'], 'plan-1');
  await karmada.place('shop', ['cluster1'], 'plan-2');
  await vi.waitFor(() =>
    expect(karmada.applications()).toEqual([{ uid: 'uid-shop', description: application.description, clusters: ['cluster1'] }]),
  );
  expect(api.objects.get('/apis/policy.karmada.io/v1alpha1/namespaces/mlsysops/propagationpolicies/mlsysops-shop')).toMatchObject(
    {
      metadata: { labels: { 'mlsysops.eu/planUID': 'plan-2' } },
      spec: {
        resourceSelectors: [{ apiVersion: 'mlsysops.eu/v1', kind: 'MLSysOpsApp', name: 'shop' }],
        placement: { clusterAffinity: { clusterNames: ['cluster1'] } },
      },
    },
  );
  expect(await karmada.withdraw('shop')).toBe(true);
  expect(await karmada.withdraw('shop')).toBe(false);
  karmada.stop();
});
