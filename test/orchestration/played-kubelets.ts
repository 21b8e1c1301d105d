import {
  CoordinationV1Api,
  CoreV1Api,
  type KubeConfig,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  V1MicroTime,
  type V1Pod,
  type V1ResourceRequirements,
} from '@kubernetes/client-node';
import { parseQuantity } from '../../agents/descriptions/quantity.ts';

const namespace = 'mlsysops';
/** A node whose lease is not renewed for 40 s is taken for dead, where somebody looks. */
const leases = 'kube-node-lease';
const renewMs = 5000;
const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
/** What a pod may ask of a node of this test, cores. */
const mostCores = 3;

/**
 * Plays the kubelets of `nodes`, over the API as they do: what is bound runs at once, what is to end goes; an image "broken:…" cannot be
 * pulled, and more than three cores cannot be given. A double: no process runs.
 */
export async function playKubelets(kubeConfig: KubeConfig, nodes: readonly string[]): Promise<{ stop(): Promise<void> }> {
  const core = kubeConfig.makeApiClient(CoreV1Api);
  const told = new Map<string, string>();
  /** What containers have been given, by the pod's uid and their name: what cannot be given leaves them with it. */
  const given = new Map<string, V1ResourceRequirements>();
  const failures: unknown[] = [];
  const act = async (pod: V1Pod): Promise<void> => {
    const { name = '', uid = '', deletionTimestamp } = pod.metadata ?? {};
    if (!nodes.includes(pod.spec?.nodeName ?? '')) return;
    if (deletionTimestamp) {
      await core.deleteNamespacedPod({ name, namespace, gracePeriodSeconds: 0 });
      return;
    }
    const status = statusOf(pod, given);
    const text = JSON.stringify(status);
    if (told.get(uid) === text) return;
    told.set(uid, text);
    await core.patchNamespacedPodStatus({ name, namespace, body: { status } }, merge);
  };
  const onPod = (pod: V1Pod): void => {
    act(pod).catch((error: unknown) => {
      // A pod that has just gone cannot be told of any more.
      if (!(error instanceof Error && 'code' in error && error.code === 404)) failures.push(error);
    });
  };
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const informer = makeInformer<V1Pod>(kubeConfig, path, () => core.listNamespacedPod({ namespace }));
  informer.on('add', onPod);
  informer.on('update', onPod);
  await informer.start();
  const coordination = kubeConfig.makeApiClient(CoordinationV1Api);
  const renew = async (): Promise<void> => {
    for (const name of nodes) {
      const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: new V1MicroTime() };
      try {
        await coordination.patchNamespacedLease({ name, namespace: leases, body: { spec } }, merge);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 404)) throw error;
        await coordination.createNamespacedLease({ namespace: leases, body: { metadata: { name }, spec } });
      }
    }
  };
  await renew();
  const renewing = setInterval(() => void renew().catch((error: unknown) => failures.push(error)), renewMs);
  return {
    async stop() {
      clearInterval(renewing);
      await informer.stop();
      if (failures.length > 0) throw failures[0];
    },
  };
}

function statusOf(pod: V1Pod, given: Map<string, V1ResourceRequirements>): object {
  const containers = pod.spec?.containers ?? [];
  const isBroken = containers.some(({ image }) => image?.startsWith('broken:'));
  const tooMuch = containers.some(({ resources }) => (parseQuantity(resources?.requests?.cpu ?? 0) ?? 0) > mostCores);
  const condition = (type: string, isTrue: boolean, more: object = {}) => ({ type, status: isTrue ? 'True' : 'False', ...more });
  const had = (name: string, wanted: V1ResourceRequirements = {}): V1ResourceRequirements => {
    const key = `${pod.metadata?.uid}/${name}`;
    if (!tooMuch || !given.has(key)) given.set(key, wanted);
    return given.get(key) ?? wanted;
  };
  const infeasible = condition('PodResizePending', true, { reason: 'Infeasible', message: 'the node has not so many cores' });
  return {
    phase: isBroken ? 'Pending' : 'Running',
    podIP: '10.0.0.9',
    podIPs: [{ ip: '10.0.0.9' }],
    conditions: [condition('PodScheduled', true), condition('Ready', !isBroken), ...(tooMuch ? [infeasible] : [])],
    containerStatuses: containers.map(({ name, image = '', resources }) => ({
      name,
      image,
      imageID: '',
      ready: !isBroken,
      restartCount: 0,
      resources: had(name, resources),
      state: isBroken
        ? { waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}"` } }
        : { running: { startedAt: pod.metadata?.creationTimestamp ?? null } },
    })),
  };
}
