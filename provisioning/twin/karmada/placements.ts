import { at, list, type StoredObject, text } from '../api/objects.ts';
import { groupVersion, type Resource } from '../api/resources.ts';
import { labelSelector } from '../api/selectors.ts';
import { nameOf, type ObjectStore } from '../api/store.ts';
import { clusterResource, policyResources } from './definitions.ts';

/** An object and the members that policies want it on. */
export interface Placement {
  resource: Resource;
  object: StoredObject;
  clusters: Set<string>;
}

/** What the policies of a Karmada control plane want where. Pure: reads the store, changes nothing. */
export function placementsOf(store: ObjectStore): Placement[] {
  const placements = new Map<string, Placement>();
  for (const name of policyResources) {
    for (const policy of store.list(name)) {
      const clusters = clustersOf(store, policy);
      for (const selector of list(at(policy, 'spec', 'resourceSelectors'))) {
        for (const { resource, object } of selected(store, selector, policy.metadata.namespace)) {
          const key = object.metadata.uid;
          const placement = placements.get(key) ?? { resource, object, clusters: new Set<string>() };
          for (const cluster of clusters) placement.clusters.add(cluster);
          placements.set(key, placement);
        }
      }
    }
  }
  return [...placements.values()];
}

/** The members that a policy names; all of them when it names none. */
function clustersOf(store: ObjectStore, policy: StoredObject): string[] {
  const named = at(policy, 'spec', 'placement', 'clusterAffinity', 'clusterNames');
  const all = store.list(clusterResource).map((cluster) => cluster.metadata.name);
  if (named === undefined) return all;
  return list(named).filter((name) => typeof name === 'string' && all.includes(name)) as string[];
}

function selected(
  store: ObjectStore,
  selector: unknown,
  policyNamespace: string | undefined,
): { resource: Resource; object: StoredObject }[] {
  const resource = store
    .resources()
    .find((one) => groupVersion(one) === at(selector, 'apiVersion') && one.kind === at(selector, 'kind'));
  if (!resource) return [];
  const namespace = policyNamespace ?? text(at(selector, 'namespace'));
  const name = text(at(selector, 'name'));
  const labels = Object.entries((at(selector, 'labelSelector', 'matchLabels') ?? {}) as Record<string, string>);
  const byLabel = labelSelector(labels.map(([key, value]) => `${key}=${value}`).join(','));
  return store
    .list(nameOf(resource), resource.namespaced ? namespace : undefined)
    .filter(
      (object) => (name === undefined || object.metadata.name === name) && byLabel(object) && !object.metadata.deletionTimestamp,
    )
    .map((object) => ({ resource, object }));
}
