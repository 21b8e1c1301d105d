import { isReady } from '../controllers/deployments.ts';
import { ApiError, at, type KubeObject, number, record, type StoredObject, text } from './objects.ts';
import { matchesLabels } from './selectors.ts';
import type { ObjectStore } from './store.ts';

/**
 * POST pods/NAME/eviction: deletes a pod unless a PodDisruptionBudget of its namespace forbids it now (policy/v1: selector with matchLabels,
 * minAvailable or maxUnavailable as a number or "50%", unhealthyPodEvictionPolicy IfHealthyBudget).
 * @throws ApiError 429 as Kubernetes answers then, 404
 */
export function evictPod(store: ObjectStore, namespace: string, name: string, eviction: unknown): KubeObject {
  const pod = store.get('pods', namespace, name);
  if (!pod) throw new ApiError(404, 'NotFound', `pods "${name}" not found`);
  const isRunning = text(at(pod, 'status', 'phase')) === 'Running';
  const budgets = store
    .list('policy/poddisruptionbudgets', namespace)
    .filter((budget) => matchesLabels(record(at(budget, 'spec', 'selector', 'matchLabels')), pod));
  if (isRunning && budgets.some((budget) => !allows(store, budget, pod)))
    throw new ApiError(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.");
  store.delete('pods', namespace, name, number(at(eviction, 'deleteOptions', 'gracePeriodSeconds')));
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
}

function allows(store: ObjectStore, budget: StoredObject, pod: StoredObject): boolean {
  const wanted = record(at(budget, 'spec', 'selector', 'matchLabels'));
  const pods = store.list('pods', budget.metadata.namespace).filter((one) => matchesLabels(wanted, one));
  const healthy = pods.filter((one) => isReady(one) && !one.metadata.deletionTimestamp).length;
  const expected = expectedPods(store, pods);
  const minimum = at(budget, 'spec', 'minAvailable');
  const desired =
    minimum === undefined ? expected - countOf(at(budget, 'spec', 'maxUnavailable'), expected) : countOf(minimum, expected);
  if (!isReady(pod)) return healthy >= desired && desired > 0;
  return healthy - 1 >= desired;
}

/** What the controllers of those pods want, and pods that have none. */
function expectedPods(store: ObjectStore, pods: readonly StoredObject[]): number {
  const owners = new Set<string>();
  let alone = 0;
  for (const pod of pods) {
    const owner = pod.metadata.ownerReferences?.find((one) => one.kind === 'ReplicaSet');
    if (owner) owners.add(owner.name);
    else alone++;
  }
  const namespace = pods[0]?.metadata.namespace;
  const replicas = [...owners].map(
    (owner) => number(at(store.get('apps/replicasets', namespace, owner), 'spec', 'replicas')) ?? 0,
  );
  return replicas.reduce((sum, count) => sum + count, alone);
}

/** A number, or a share of `of`, rounded up as Kubernetes does. */
function countOf(value: unknown, of: number): number {
  const percent = /^(\d+)%$/.exec(text(value) ?? '')?.[1];
  return percent === undefined ? (number(value) ?? 0) : Math.ceil((Number(percent) / 100) * of);
}
