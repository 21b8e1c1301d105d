import { at, list, record, type StoredObject, text } from '../api/objects.ts';
import type { ControllerContext } from './context.ts';

/** As kube-controller-manager's node-monitor-grace-period and node-monitor-period. */
const graceMs = 40_000;
const lookMs = 5000;
/** As the quarantine of its pod garbage collector. */
const orphanMs = 40_000;

/**
 * A node whose kubelet has not renewed its lease for 40 s is not ready; what was on one that was deleted is removed after a while; each node gets
 * a pod network of its own.
 */
export function controlNodeLife({ store, clock, podCidr }: ControllerContext): { close(): void } {
  /** When each node was last seen alive, on our clock: kubelets' clocks may differ. */
  const seen = new Map<string, number>();
  const alive = (name: string) => void seen.set(name, clock.now());
  const watches = [
    store.watch('coordination.k8s.io/leases', ({ object }) => {
      if (object.metadata.namespace === 'kube-node-lease' || object.metadata.namespace === 'kube-system')
        alive(object.metadata.name);
    }),
    store.watch('nodes', ({ type, object, before }) => {
      if (type === 'DELETED') seen.delete(object.metadata.name);
      else if (type === 'ADDED' || heartbeatOf(object) !== heartbeatOf(before)) alive(object.metadata.name);
      if (type === 'ADDED') giveNetwork(object);
    }),
  ];
  for (const node of store.list('nodes')) alive(node.metadata.name);
  if (!store.get('namespaces', undefined, 'kube-node-lease')) {
    store.create('namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'kube-node-lease' },
      status: { phase: 'Active' },
    });
  }

  /** Since when pods have been on a node that there is not. */
  const orphans = new Map<string, number>();
  const removeOrphans = (): void => {
    const nodes = new Set(store.list('nodes').map(({ metadata }) => metadata.name));
    const found = store.list('pods').filter((pod) => {
      const node = text(at(pod, 'spec', 'nodeName'));
      return node !== undefined && node !== '' && !nodes.has(node);
    });
    const uids = new Set(found.map(({ metadata }) => metadata.uid));
    for (const uid of orphans.keys()) if (!uids.has(uid)) orphans.delete(uid);
    for (const pod of found) {
      const since = orphans.get(pod.metadata.uid) ?? clock.now();
      orphans.set(pod.metadata.uid, since);
      if (clock.now() - since >= orphanMs) store.delete('pods', pod.metadata.namespace, pod.metadata.name, 0);
    }
  };

  const look = clock.every(lookMs, () => {
    removeOrphans();
    for (const node of store.list('nodes')) {
      const silentMs = clock.now() - (seen.get(node.metadata.name) ?? clock.now());
      const ready = conditionOf(node);
      if (silentMs < graceMs || at(ready, 'status') === 'Unknown') continue;
      const others = list(at(node, 'status', 'conditions')).filter((condition) => at(condition, 'type') !== 'Ready');
      const message = 'Kubelet stopped posting node status.';
      const lost = {
        ...record(ready),
        type: 'Ready',
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message,
        lastTransitionTime: new Date(clock.now()).toISOString(),
      };
      store.patchStatus('nodes', undefined, node.metadata.name, { conditions: [...others, lost] });
      for (const pod of store.list('pods')) if (at(pod, 'spec', 'nodeName') === node.metadata.name) markUnready(pod);
    }
  });

  function markUnready(pod: StoredObject): void {
    const conditions = list(at(pod, 'status', 'conditions')).map((condition) =>
      at(condition, 'type') === 'Ready' ? { ...record(condition), status: 'False', reason: 'NodeLost' } : condition,
    );
    store.patchStatus('pods', pod.metadata.namespace, pod.metadata.name, { conditions });
  }

  /** The lowest free /24 of the cluster's pod network. */
  function giveNetwork(node: StoredObject): void {
    if (at(node, 'spec', 'podCIDR') !== undefined) return;
    const [a, b] = podCidr.split('.');
    const taken = new Set(store.list('nodes').map((other) => text(at(other, 'spec', 'podCIDR'))));
    for (let third = 0; third < 256; third++) {
      const network = `${a}.${b}.${third}.0/24`;
      if (taken.has(network)) continue;
      store.modify('nodes', undefined, node.metadata.name, (object) => ({
        ...object,
        spec: { ...record(object.spec), podCIDR: network, podCIDRs: [network] },
      }));
      return;
    }
  }

  return {
    close() {
      for (const watch of watches) watch.close();
      look.close();
    },
  };
}

const conditionOf = (node: StoredObject | null): unknown =>
  list(at(node, 'status', 'conditions')).find((condition) => at(condition, 'type') === 'Ready');
const heartbeatOf = (node: StoredObject | null): unknown => at(conditionOf(node), 'lastHeartbeatTime');
