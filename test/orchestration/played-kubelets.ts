import { CoreV1Api, type KubeConfig, makeInformer, PatchStrategy, setHeaderOptions, type V1Pod } from '@kubernetes/client-node';

const namespace = 'mlsysops';
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
  const failures: unknown[] = [];
  const act = async (pod: V1Pod): Promise<void> => {
    const { name = '', uid = '', deletionTimestamp } = pod.metadata ?? {};
    if (!nodes.includes(pod.spec?.nodeName ?? '')) return;
    if (deletionTimestamp) {
      await core.deleteNamespacedPod({ name, namespace, gracePeriodSeconds: 0 });
      return;
    }
    const status = statusOf(pod);
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
  return {
    async stop() {
      await informer.stop();
      if (failures.length > 0) throw failures[0];
    },
  };
}

function statusOf(pod: V1Pod): object {
  const containers = pod.spec?.containers ?? [];
  const isBroken = containers.some(({ image }) => image?.startsWith('broken:'));
  const tooMuch = containers.some(({ resources }) => Number(resources?.requests?.cpu ?? 0) > mostCores);
  const condition = (type: string, isTrue: boolean, more: object = {}) => ({ type, status: isTrue ? 'True' : 'False', ...more });
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
      ...(!tooMuch && { resources: resources ?? {} }),
      state: isBroken
        ? { waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}"` } }
        : { running: { startedAt: pod.metadata?.creationTimestamp ?? null } },
    })),
  };
}
