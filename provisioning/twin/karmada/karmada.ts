import type { Clock } from '../../../agents/clock.ts';
import type { Log } from '../../../agents/config.ts';
import { at, list, record, type StoredObject, text } from '../api/objects.ts';
import { groupVersion, type Resource } from '../api/resources.ts';
import type { KubernetesApi } from '../api/server.ts';
import { nameOf } from '../api/store.ts';
import { clusterResource, karmadaDefinitions, policyResources } from './definitions.ts';
import { MemberClient, MemberError } from './member-client.ts';
import { type Placement, placementsOf } from './placements.ts';

/** Members are looked at, and what failed is tried again, at this pace. */
const paceMs = 2000;
/** A member is searched for what is wanted there no more when something else is wanted, and so often: all its kinds are listed for that. */
const sweepMs = 30_000;
const managedLabel = 'karmada.io/managed';

export interface MiniKarmada {
  close(): void;
}

/**
 * The smallest Karmada that does the job: Clusters are watched for health, and what PropagationPolicies select is kept on the members that they
 * name, over HTTPS with each member's own credentials. It keeps no state: what it placed carries a label, so a restart takes over where it was.
 */
export function startMiniKarmada(options: { api: KubernetesApi; clock: Clock; log: Log }): MiniKarmada {
  const { api, clock, log } = options;
  const { store } = api;
  for (const definition of karmadaDefinitions) {
    if (!store.get('apiextensions.k8s.io/customresourcedefinitions', undefined, definition.metadata.name ?? '')) {
      store.create('apiextensions.k8s.io/customresourcedefinitions', definition);
    }
  }
  if (!store.get('namespaces', undefined, 'karmada-cluster')) {
    store.create('namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'karmada-cluster' },
      status: { phase: 'Active' },
    });
  }

  const clients = new Map<string, { version: string; client: MemberClient }>();
  /** What was wanted when a member was last searched for what is not. */
  const swept = new WeakMap<MemberClient, { wanted: string; at: number }>();
  let busy = false;
  let again = false;
  let closed = false;

  /** One pass over everything; asked for again in between, it runs once more. */
  async function pass(): Promise<void> {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      do {
        again = false;
        const placements = placementsOf(store);
        await Promise.all(store.list(clusterResource).map((cluster) => keepMember(cluster, placements)));
      } while (again && !closed);
    } finally {
      busy = false;
    }
  }
  const soon = () => void setImmediate(() => closed || void pass());

  async function keepMember(cluster: StoredObject, placements: Placement[]): Promise<void> {
    const { name } = cluster.metadata;
    try {
      const client = clientOf(cluster);
      await client.call('GET', '/readyz');
      const version = text(at(await client.call('GET', '/version'), 'gitVersion'));
      setReady(cluster, true, 'ClusterReady', 'cluster is healthy and ready to accept workloads', version);
      const wanted = placements.filter((placement) => placement.clusters.has(name));
      for (const placement of wanted) await keepObject(client, placement, name);
      const now = wanted
        .map(({ resource, object: { metadata } }) => `${resource.plural}/${metadata.namespace}/${metadata.name}`)
        .join();
      const sought = swept.get(client);
      if (sought?.wanted === now && clock.now() - sought.at < sweepMs) return;
      await removeUnwanted(client, wanted);
      swept.set(client, { wanted: now, at: clock.now() });
    } catch (error) {
      if (!(error instanceof MemberError)) throw error;
      if (error.code === 0 || error.code === 401 || error.code === 403)
        setReady(cluster, false, 'ClusterNotReachable', error.message);
      else log('warn', `member ${name}: ${error.message}; tried again in ${paceMs / 1000} s`);
    }
  }

  function clientOf(cluster: StoredObject): MemberClient {
    const reference = at(cluster, 'spec', 'secretRef');
    const secret = store.get(
      'secrets',
      text(at(reference, 'namespace')) ?? 'karmada-cluster',
      text(at(reference, 'name')) ?? cluster.metadata.name,
    );
    const version = `${cluster.metadata.generation}/${secret?.metadata.resourceVersion}`;
    const known = clients.get(cluster.metadata.name);
    if (known?.version === version) return known.client;
    known?.client.close();
    const read = (key: string): string | undefined => {
      const encoded = text(at(secret, 'data', key));
      return encoded === undefined ? text(at(secret, 'stringData', key)) : Buffer.from(encoded, 'base64').toString('utf8');
    };
    const client = new MemberClient({
      url: text(at(cluster, 'spec', 'apiEndpoint')) ?? '',
      ca: read('caBundle') ?? '',
      token: read('token'),
      cert: read('clientCertificate'),
      key: read('clientKey'),
    });
    clients.set(cluster.metadata.name, { version, client });
    return client;
  }

  function setReady(cluster: StoredObject, ready: boolean, reason: string, message: string, version?: string): void {
    const before = list(at(cluster, 'status', 'conditions'))[0];
    const status = ready ? 'True' : 'False';
    if (
      at(before, 'status') === status &&
      at(before, 'message') === message &&
      (version ?? at(cluster, 'status', 'kubernetesVersion')) === at(cluster, 'status', 'kubernetesVersion')
    )
      return;
    const lastTransitionTime =
      at(before, 'status') === status ? at(before, 'lastTransitionTime') : new Date(clock.now()).toISOString();
    store.patchStatus(clusterResource, undefined, cluster.metadata.name, {
      ...(version === undefined ? {} : { kubernetesVersion: version }),
      ready: status,
      conditions: [{ type: 'Ready', status, reason, message, lastTransitionTime }],
    });
  }

  /** Creates or corrects one object on a member, and brings its status back. */
  async function keepObject(client: MemberClient, { resource, object }: Placement, cluster: string): Promise<void> {
    await keepNamespace(client, object.metadata.namespace);
    const collection = collectionPath(resource, object.metadata.namespace);
    const path = `${collection}/${object.metadata.name}`;
    const wanted = asOnMember(object);
    let present: StoredObject | null;
    try {
      present = await client.get(path);
      if (!present) await client.create(collection, wanted);
    } catch (error) {
      // A member that does not know the kind yet gets its definition from its own agent: the next pass finds it.
      if (error instanceof MemberError && error.code === 404)
        return log('info', `member ${cluster} does not know ${resource.kind} yet`);
      throw error;
    }
    if (!present) return;
    if (contentOf(present) !== contentOf(wanted)) {
      await client.replace(path, {
        ...wanted,
        metadata: { ...wanted.metadata, resourceVersion: present.metadata.resourceVersion },
      });
    }
    const here = store.get(nameOf(resource), object.metadata.namespace, object.metadata.name);
    if (here && present.status !== undefined && JSON.stringify(here.status) !== JSON.stringify(present.status)) {
      store.patchStatus(nameOf(resource), object.metadata.namespace, object.metadata.name, record(present.status));
    }
  }

  async function keepNamespace(client: MemberClient, namespace: string | undefined): Promise<void> {
    if (namespace === undefined || (await client.get(`/api/v1/namespaces/${namespace}`))) return;
    await client.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  }

  /** What carries our label on a member and is wanted there no more, goes. */
  async function removeUnwanted(client: MemberClient, wanted: Placement[]): Promise<void> {
    for (const resource of store.resources()) {
      // Only kinds that can have been propagated: namespaced ones with objects of users.
      if (
        !resource.namespaced ||
        ['events', 'pods', 'leases', 'endpoints', 'propagationpolicies', 'replicasets'].includes(resource.plural)
      )
        continue;
      let present: StoredObject[];
      try {
        present = await client.list(
          `${basePath(resource)}/${resource.plural}?labelSelector=${encodeURIComponent(`${managedLabel}=true`)}`,
        );
      } catch (error) {
        if (error instanceof MemberError && error.code === 404) continue;
        throw error;
      }
      for (const object of present) {
        const { namespace, name } = object.metadata;
        const kept = wanted.some(
          (one) =>
            one.resource.plural === resource.plural &&
            one.object.metadata.name === name &&
            one.object.metadata.namespace === namespace,
        );
        if (!kept) await client.remove(`${collectionPath(resource, namespace)}/${name}`);
      }
    }
  }

  const watched = [clusterResource, ...policyResources, 'apps/deployments', 'services', 'configmaps'];
  const watches = watched.map((name) => store.watch(name, soon));
  // Kinds that are defined later are watched once they are there.
  const custom = new Set<string>();
  const watchCustom = () => {
    for (const resource of store.resources()) {
      const name = nameOf(resource);
      if (watched.includes(name) || custom.has(name) || !resource.group.includes('mlsysops')) continue;
      custom.add(name);
      watches.push(store.watch(name, soon));
    }
    soon();
  };
  watches.push(store.watch('apiextensions.k8s.io/customresourcedefinitions', watchCustom));
  watchCustom();
  const pace = clock.every(paceMs, pass);

  return {
    close() {
      closed = true;
      pace.close();
      for (const watch of watches) watch.close();
      for (const { client } of clients.values()) client.close();
    },
  };
}

const basePath = (resource: Resource): string => (resource.group === '' ? '/api/v1' : `/apis/${groupVersion(resource)}`);
const collectionPath = (resource: Resource, namespace: string | undefined): string =>
  `${basePath(resource)}${resource.namespaced ? `/namespaces/${namespace ?? 'default'}` : ''}/${resource.plural}`;

/** An object as a member gets it: its content and names, without what belongs to this control plane. */
function asOnMember(object: StoredObject): StoredObject {
  const { apiVersion, kind, metadata, status: _status, ...content } = object;
  const { name, namespace, annotations } = metadata;
  return {
    ...content,
    apiVersion,
    kind,
    metadata: { name, namespace, annotations, labels: { ...metadata.labels, [managedLabel]: 'true' } },
  } as unknown as StoredObject;
}

/** What Karmada owns of an object on a member, for comparing: its content, labels and annotations, in a fixed order. */
function contentOf(object: StoredObject): string {
  const { metadata, status: _status, ...content } = object;
  // A service's address is the member's own affair.
  const spec = { ...record(content.spec), clusterIP: undefined, clusterIPs: undefined, type: undefined };
  const labels = Object.entries(metadata.labels ?? {}).sort();
  return JSON.stringify({
    ...sorted(content),
    spec: sorted(spec),
    labels,
    annotations: Object.entries(metadata.annotations ?? {}).sort(),
  });
}

const sorted = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.localeCompare(b)));
