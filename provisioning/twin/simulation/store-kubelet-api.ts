import { ApiError } from '../api/objects.ts';
import type { ObjectStore } from '../api/store.ts';
import type { KubeletApi } from './kubelets.ts';
import type { SimulatedPod } from './workload.ts';

const leases = 'coordination.k8s.io/leases';
const leaseNamespace = 'kube-node-lease';
/** As kubelet's default. */
const leaseDurationS = 40;

/** What simulated kubelets do, straight on the store of the twin's API: ten thousand of them need no connection each. */
export function storeKubeletApi(store: ObjectStore): KubeletApi {
  const create = (name: string, object: Parameters<ObjectStore['create']>[1]): void => {
    try {
      store.create(name, object);
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason !== 'AlreadyExists') throw error;
    }
  };
  return {
    async createNode(node) {
      create('nodes', node as Parameters<ObjectStore['create']>[1]);
    },
    async patchNodeStatus(name, status) {
      store.patchStatus('nodes', undefined, name, status as Record<string, unknown>);
    },
    async renewLease(name, renewTime) {
      const spec = {
        holderIdentity: name,
        leaseDurationSeconds: leaseDurationS,
        renewTime: new Date(renewTime).toISOString().replace('Z', '000Z'),
      };
      const lease = store.get(leases, leaseNamespace, name);
      if (lease) {
        // Nobody comes between: no copy to change is needed.
        store.update(leases, { ...lease, spec });
        return;
      }
      create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: leaseNamespace } });
      create(leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace: leaseNamespace },
        spec,
      });
    },
    watchPods(deliver) {
      for (const pod of store.list('pods')) deliver('ADDED', pod as SimulatedPod);
      // Not within the store's own change: what follows from it would be told before it.
      return store.watch('pods', ({ type, object }) => queueMicrotask(() => deliver(type, object as SimulatedPod)));
    },
    async patchPodStatus(namespace, name, status) {
      store.patchStatus('pods', namespace, name, status as Record<string, unknown>);
    },
    async removePod(namespace, name) {
      if (store.get('pods', namespace, name)) store.delete('pods', namespace, name, 0);
    },
  };
}
