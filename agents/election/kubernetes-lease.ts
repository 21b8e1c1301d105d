import { CoordinationV1Api, type KubeConfig, type V1Lease, V1MicroTime } from '@kubernetes/client-node';
import { namespace } from '../descriptions/custom-resource.ts';
import { calling } from '../orchestration/kubernetes-errors.ts';
import type { Lease, LeaseStore, StoredLease } from './lease.ts';

/** The lease of a cluster's agents, as `kubectl -n mlsysops get lease` shows it. Rights are given to this name. */
export const clusterLeaseName = 'mlsysops-cluster-agent';

/** A Lease in the API of the cluster that its holder acts on: who cannot reach that API holds nothing, and could not act either. */
export function kubernetesLease(kubeConfig: KubeConfig, name = clusterLeaseName): LeaseStore {
  const api = kubeConfig.makeApiClient(CoordinationV1Api);
  const body = (lease: Lease, version?: string): V1Lease => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace, ...(version !== undefined && { resourceVersion: version }) },
    spec: {
      holderIdentity: lease.holder,
      leaseDurationSeconds: lease.durationMs / 1000,
      acquireTime: new V1MicroTime(lease.acquiredAt),
      renewTime: new V1MicroTime(lease.renewedAt),
      leaseTransitions: lease.transitions,
    },
  });
  return {
    get: async () => stored(await calling('read the lease', [404], () => api.readNamespacedLease({ name, namespace }))),
    create: async (lease) =>
      stored(await calling('make the lease', [409], () => api.createNamespacedLease({ namespace, body: body(lease) }))),
    update: async (lease, version) =>
      stored(
        await calling('write the lease', [404, 409], () =>
          api.replaceNamespacedLease({ name, namespace, body: body(lease, version) }),
        ),
      ),
  };
}

function stored(lease: V1Lease | undefined): StoredLease | undefined {
  if (!lease) return undefined;
  const { holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions } = lease.spec ?? {};
  return {
    version: lease.metadata?.resourceVersion ?? '',
    holder: holderIdentity ?? '',
    durationMs: 1000 * (leaseDurationSeconds ?? 0),
    acquiredAt: acquireTime ? new Date(acquireTime).getTime() : 0,
    renewedAt: renewTime ? new Date(renewTime).getTime() : 0,
    transitions: leaseTransitions ?? 0,
  };
}
