import { createHash } from 'node:crypto';
import { at, list, number, record, type StoredObject, text } from '../api/objects.ts';
import { matchesLabels } from '../api/selectors.ts';
import type { ControllerContext } from './context.ts';
import { reconcileQueue } from './queue.ts';

const templateHashLabel = 'pod-template-hash';

/** Deployments own ReplicaSets, ReplicaSets own Pods; a changed template is rolled out create-before-destroy within maxSurge and maxUnavailable. */
export function controlDeployments({ store, clock }: ControllerContext): { close(): void } {
  const report = (key: string, error: unknown) => {
    // What was asked for can't be made (a name too long, say): the object itself says why.
    const [namespace = '', name = ''] = key.split('/');
    const message = error instanceof Error ? error.message : String(error);
    if (store.get('apps/deployments', namespace, name)) {
      store.patchStatus('apps/deployments', namespace, name, {
        conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }],
      });
    }
  };
  const deployments = reconcileQueue((key) => {
    const [namespace = '', name = ''] = key.split('/');
    const deployment = store.get('apps/deployments', namespace, name);
    if (deployment && !deployment.metadata.deletionTimestamp) reconcile(deployment);
  }, report);
  const sets = reconcileQueue((key) => {
    const [namespace = '', name = ''] = key.split('/');
    const set = store.get('apps/replicasets', namespace, name);
    if (set && !set.metadata.deletionTimestamp) keepReplicas(set);
  }, report);

  const keyOf = (object: StoredObject) => `${object.metadata.namespace}/${object.metadata.name}`;
  const askOwner = (object: StoredObject, kind: string, queue: { ask(key: string): void }) => {
    const owner = object.metadata.ownerReferences?.find((one) => one.kind === kind);
    if (owner) queue.ask(`${object.metadata.namespace}/${owner.name}`);
  };
  const watches = [
    store.watch('apps/deployments', ({ object }) => deployments.ask(keyOf(object))),
    store.watch('apps/replicasets', ({ object }) => {
      sets.ask(keyOf(object));
      askOwner(object, 'Deployment', deployments);
    }),
    store.watch('pods', ({ object }) => askOwner(object, 'ReplicaSet', sets)),
  ];
  for (const deployment of store.list('apps/deployments')) deployments.ask(keyOf(deployment));
  for (const set of store.list('apps/replicasets')) sets.ask(keyOf(set));

  function owned(name: string, owner: StoredObject): StoredObject[] {
    return store
      .list(name, owner.metadata.namespace)
      .filter((object) => object.metadata.ownerReferences?.some((one) => one.uid === owner.metadata.uid));
  }

  function reconcile(deployment: StoredObject): void {
    const spec = record(deployment.spec);
    const template = record(spec.template);
    const wanted = canonical(template);
    const desired = number(spec.replicas) ?? 1;
    const all = owned('apps/replicasets', deployment);
    const matching = all.find((set) => canonical(templateOf(set)) === wanted);
    if (spec.paused === true) {
      // A template that changes is not rolled out now; the number of pods is still kept.
      const newest = matching ?? all.toSorted((a, b) => replicasOf(b) - replicasOf(a))[0];
      if (!newest) return;
      const others = all.filter((set) => set.metadata.uid !== newest.metadata.uid);
      const elsewhere = others.reduce((sum, set) => sum + replicasOf(set), 0);
      setReplicas(newest, Math.max(0, desired - elsewhere));
      writeStatus(deployment, newest, others, desired);
      return;
    }
    const current = matching ?? makeSet(deployment, freeHash(deployment, wanted), 0);
    const old = all.filter((set) => set.metadata.uid !== current.metadata.uid);

    const recreate = at(spec, 'strategy', 'type') === 'Recreate';
    const surge = recreate ? 0 : share(at(spec, 'strategy', 'rollingUpdate', 'maxSurge') ?? '25%', desired, Math.ceil);
    const unavailable = recreate
      ? desired
      : share(at(spec, 'strategy', 'rollingUpdate', 'maxUnavailable') ?? '25%', desired, Math.floor);
    const oldPods = old.flatMap((set) => livePods(set));
    const total = livePods(current).length + oldPods.length;
    const ready = [...livePods(current), ...oldPods].filter(isReady).length;

    // New pods first, as far as the surge allows; then old ones go, as far as enough stay ready.
    const room = recreate
      ? oldPods.length === 0
        ? desired
        : 0
      : Math.max(
          replicasOf(current),
          Math.min(desired, replicasOf(current) + Math.max(0, desired + Math.max(surge, unavailable === 0 ? 1 : 0) - total)),
        );
    setReplicas(current, Math.min(desired, room));
    let mayGo = recreate ? oldPods.length : Math.max(0, ready - Math.max(0, desired - unavailable));
    const readyNew = livePods(current).filter(isReady).length;
    if (!recreate && readyNew >= desired) mayGo = oldPods.length;
    for (const set of old) {
      // A pod that never became ready protects nothing.
      const pods = livePods(set);
      const idle = pods.filter((pod) => !isReady(pod)).length;
      const go = Math.min(pods.length, readyNew > 0 || recreate ? idle + mayGo : mayGo);
      mayGo -= Math.max(0, go - idle);
      setReplicas(set, Math.max(0, replicasOf(set) - go));
      if (replicasOf(set) === 0 && pods.length === 0 && old.length > 2) store.remove('apps/replicasets', set);
    }
    writeStatus(deployment, current, old, desired);
  }

  /** A set keeps its name when its template is changed: the name that a template would have may be another's by now. */
  function freeHash(deployment: StoredObject, template: string): string {
    for (let collision = 0; ; collision++) {
      const source = collision === 0 ? template : `${template}#${collision}`;
      const hash = createHash('sha256').update(source).digest('hex').slice(0, 10);
      if (!store.get('apps/replicasets', deployment.metadata.namespace, `${deployment.metadata.name}-${hash}`)) return hash;
    }
  }

  function makeSet(deployment: StoredObject, hash: string, replicas: number): StoredObject {
    const spec = record(deployment.spec);
    const template = record(spec.template);
    const labels = { ...record(at(template, 'metadata', 'labels')), [templateHashLabel]: hash } as Record<string, string>;
    const selector = { ...record(at(spec, 'selector', 'matchLabels')), [templateHashLabel]: hash };
    return store.create('apps/replicasets', {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${deployment.metadata.name}-${hash}`,
        namespace: deployment.metadata.namespace,
        labels,
        ownerReferences: [
          {
            apiVersion: 'apps/v1',
            kind: 'Deployment',
            name: deployment.metadata.name,
            uid: deployment.metadata.uid,
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: {
        replicas,
        selector: { matchLabels: selector },
        template: { ...template, metadata: { ...record(template.metadata), labels } },
      },
    });
  }

  const livePods = (set: StoredObject): StoredObject[] =>
    owned('pods', set).filter(
      (pod) => !pod.metadata.deletionTimestamp && !['Failed', 'Succeeded'].includes(text(at(pod, 'status', 'phase')) ?? ''),
    );
  const replicasOf = (set: StoredObject): number =>
    number(at(store.get('apps/replicasets', set.metadata.namespace, set.metadata.name), 'spec', 'replicas')) ?? 0;
  function setReplicas(set: StoredObject, replicas: number): void {
    if (replicasOf(set) === replicas) return;
    store.modify('apps/replicasets', set.metadata.namespace, set.metadata.name, (object) => ({
      ...object,
      spec: { ...record(object.spec), replicas },
    }));
  }

  function keepReplicas(set: StoredObject): void {
    const desired = number(at(set, 'spec', 'replicas')) ?? 0;
    const pods = livePods(set);
    for (let missing = desired - pods.length; missing > 0; missing--) makePod(set);
    // Pods that are not ready, and younger ones, go first.
    const byWorth = [...pods].sort(
      (a, b) =>
        Number(isReady(a)) - Number(isReady(b)) || Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion),
    );
    for (const pod of byWorth.slice(0, Math.max(0, pods.length - desired)))
      store.delete('pods', pod.metadata.namespace, pod.metadata.name);
    const now = livePods(set);
    const status = {
      replicas: now.length,
      readyReplicas: now.filter(isReady).length,
      availableReplicas: now.filter(isReady).length,
      observedGeneration: set.metadata.generation,
    };
    store.patchStatus('apps/replicasets', set.metadata.namespace, set.metadata.name, status);
  }

  function makePod(set: StoredObject): void {
    const template = record(at(set, 'spec', 'template'));
    const metadata = record(template.metadata);
    store.create('pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        generateName: `${set.metadata.name}-`,
        namespace: set.metadata.namespace,
        labels: record(metadata.labels) as Record<string, string>,
        annotations: record(metadata.annotations) as Record<string, string>,
        ownerReferences: [
          {
            apiVersion: 'apps/v1',
            kind: 'ReplicaSet',
            name: set.metadata.name,
            uid: set.metadata.uid,
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: record(template.spec),
      status: { phase: 'Pending' },
    });
  }

  function writeStatus(deployment: StoredObject, current: StoredObject, old: StoredObject[], desired: number): void {
    const updated = livePods(current);
    const pods = [...updated, ...old.flatMap(livePods)];
    const ready = pods.filter(isReady).length;
    const available = ready >= desired;
    const condition = (type: string, isTrue: boolean, reason: string, message: string) => {
      const status = isTrue ? 'True' : 'False';
      const before = list(at(deployment, 'status', 'conditions')).find((one) => at(one, 'type') === type);
      const changed = at(before, 'status') === status ? text(at(before, 'lastTransitionTime')) : undefined;
      return { type, status, reason, message, lastTransitionTime: changed ?? new Date(clock.now()).toISOString() };
    };
    const complete = updated.filter(isReady).length >= desired && pods.length === updated.length;
    store.patchStatus('apps/deployments', deployment.metadata.namespace, deployment.metadata.name, {
      observedGeneration: deployment.metadata.generation,
      replicas: pods.length,
      updatedReplicas: updated.length,
      readyReplicas: ready,
      availableReplicas: ready,
      unavailableReplicas: Math.max(0, desired - ready),
      conditions: [
        condition(
          'Available',
          available,
          available ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
          available ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
        ),
        condition(
          'Progressing',
          true,
          complete ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated',
          complete
            ? `ReplicaSet "${current.metadata.name}" has successfully progressed.`
            : `ReplicaSet "${current.metadata.name}" is progressing.`,
        ),
      ],
    });
  }

  return {
    close() {
      for (const watch of watches) watch.close();
      deployments.close();
      sets.close();
    },
  };
}

/** A set's template as its Deployment has it: without the label that tells sets apart. */
function templateOf(set: StoredObject): Record<string, unknown> {
  const template = record(at(set, 'spec', 'template'));
  const { [templateHashLabel]: _, ...labels } = record(at(template, 'metadata', 'labels'));
  return { ...template, metadata: { ...record(template.metadata), labels } };
}

/** The same text for templates that say the same: in any order, and with or without what is empty. */
function canonical(value: unknown): string {
  const sorted = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(sorted);
    if (typeof one !== 'object' || one === null) return one;
    const entries = Object.entries(one)
      .map(([key, inner]) => [key, sorted(inner)] as const)
      .filter(([, inner]) => inner !== null && inner !== undefined && !isEmpty(inner));
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  return JSON.stringify(sorted(value));
}
const isEmpty = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/** A number of pods, or a share of the desired ones ("25%"). */
function share(value: unknown, desired: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(String(value))?.[1];
  return percent === undefined ? 0 : round((Number(percent) / 100) * desired);
}

export const isReady = (pod: StoredObject): boolean =>
  list(at(pod, 'status', 'conditions')).some(
    (condition) => at(condition, 'type') === 'Ready' && at(condition, 'status') === 'True',
  );

export const selects = (service: StoredObject, pod: StoredObject): boolean => {
  const selector = record(at(service, 'spec', 'selector'));
  return Object.keys(selector).length > 0 && matchesLabels(selector, pod);
};
