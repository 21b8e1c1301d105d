import {
  type AppsV1Api,
  type CoreV1Api,
  PatchStrategy,
  setHeaderOptions,
  type V1Container,
  type V1Deployment,
  type V1Pod,
  type V1ReplicaSet,
  type V1ResourceRequirements,
  type V1RuntimeClass,
} from '@kubernetes/client-node';
import { namespace } from '../descriptions/custom-resource.ts';
import { isDevice } from './devices.ts';
import { calling } from './kubernetes-errors.ts';
import { type ComponentView, OrchestrationError } from './orchestrator.ts';
import type { Reflector } from './reflector.ts';
import { deploymentName, labels } from './resources.ts';
import type { Amounts, Resources, WorkloadChange, WorkloadPod, Workloads, WorkloadView } from './workloads.ts';

const mergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
/** Joins containers by their names, where a merge patch would replace the list. */
const strategicPatch = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch);

/** Deployments of components, changed while they run. Views come from the orchestrator's own watches. */
export class KubernetesWorkloads implements Workloads {
  readonly #apps: AppsV1Api;
  readonly #core: CoreV1Api;
  readonly #deployments: Reflector<V1Deployment>;
  readonly #pods: Reflector<V1Pod>;
  readonly #runtimeClasses: Reflector<V1RuntimeClass>;
  readonly #components: () => readonly ComponentView[];

  constructor(options: {
    apps: AppsV1Api;
    core: CoreV1Api;
    deployments: Reflector<V1Deployment>;
    pods: Reflector<V1Pod>;
    runtimeClasses: Reflector<V1RuntimeClass>;
    components: () => readonly ComponentView[];
  }) {
    this.#apps = options.apps;
    this.#core = options.core;
    this.#deployments = options.deployments;
    this.#pods = options.pods;
    this.#runtimeClasses = options.runtimeClasses;
    this.#components = options.components;
  }

  views(): WorkloadView[] {
    const deployments = new Map(this.#deployments.items.map((one) => [one.metadata?.name, one]));
    const pods = new Map(this.#pods.items.map((pod) => [pod.metadata?.uid, pod]));
    return this.#components().flatMap((view): WorkloadView[] => {
      const spec = deployments.get(deploymentName(view.application, view.component))?.spec;
      if (!spec) return [];
      return [
        {
          application: view.application,
          component: view.component,
          node: view.pin,
          replicas: spec.replicas ?? 1,
          runtimeClass: spec.template.spec?.runtimeClassName ?? null,
          containers: (spec.template.spec?.containers ?? []).map(({ name, image, resources }) => ({
            name,
            image: image ?? '',
            ...resourcesOf(resources),
            ...devicesOf(resources),
          })),
          pods: view.pods.map((pod) => ({ ...pod, ...resizeOf(pods.get(pod.uid)) })),
        },
      ];
    });
  }

  runtimeClasses(): string[] | undefined {
    return this.#runtimeClasses.isRead
      ? this.#runtimeClasses.items.map(({ metadata }) => metadata?.name ?? '').sort()
      : undefined;
  }

  async canResize(): Promise<boolean> {
    const core = await calling('ask the API for its resources', [], () => this.#core.getAPIResources());
    return core?.resources.some(({ name, verbs }) => name === 'pods/resize' && verbs.includes('patch')) ?? false;
  }

  async scale(application: string, component: string, replicas: number, planUid: string): Promise<void> {
    const name = deploymentName(application, component);
    // The template keeps the mark of the plan that made it: another one would replace pods that are to stay.
    const body = { metadata: { labels: { [labels.planUid]: planUid } }, spec: { replicas } };
    await calling(`scale Deployment ${name} to ${replicas}`, [], () =>
      this.#apps.patchNamespacedDeployment({ name, namespace, body }, mergePatch),
    );
  }

  async change(application: string, component: string, change: WorkloadChange, planUid: string): Promise<() => Promise<void>> {
    const name = deploymentName(application, component);
    const former = await this.#deployment(name);
    const template = former.spec?.template;
    const containers = change.containers?.map(({ name: container, image, resources, devices, env }) => ({
      name: container,
      ...(image !== undefined && { image }),
      ...(resources && {
        resources: replacing(resourcesOf(containerOf(template?.spec?.containers, container)?.resources), resources),
      }),
      // Of a device, requests and limits are one.
      ...(devices && { resources: { requests: devices, limits: devices } }),
      ...(env && { env: Object.entries(env).map(([variable, value]) => ({ name: variable, value })) }),
    }));
    const spec = {
      ...(containers && { containers }),
      ...(change.runtimeClass !== undefined && { runtimeClassName: change.runtimeClass }),
    };
    await this.#patchTemplate(name, planUid, spec, strategicPatch);
    return async () => {
      const before = template?.metadata?.labels?.[labels.planUid];
      const { containers: formerContainers, runtimeClassName } = template?.spec ?? {};
      const putBack = {
        ...(change.containers && { containers: formerContainers }),
        ...(change.runtimeClass !== undefined && { runtimeClassName: runtimeClassName ?? null }),
      };
      await this.#patchTemplate(name, before, putBack, mergePatch);
    };
  }

  async resize(
    application: string,
    component: string,
    containers: (Resources & { name: string })[],
    planUid: string,
  ): Promise<void> {
    const name = deploymentName(application, component);
    const deployment = await this.#deployment(name);
    const set = await this.#currentSet(deployment);
    const marks = { [labels.planUid]: planUid };
    const pods = this.#pods.items.filter(
      ({ metadata }) => !metadata?.deletionTimestamp && metadata?.ownerReferences?.some(({ uid }) => uid === set.metadata?.uid),
    );
    const patchOf = (present: V1Container[] | undefined) =>
      containers.map((wanted) => ({
        name: wanted.name,
        resources: replacing(resourcesOf(containerOf(present, wanted.name)?.resources), wanted),
      }));
    const resizePod = (pod: V1Pod, patch: object[], dryRun?: 'All') => {
      const of = { name: pod.metadata?.name ?? '', namespace, body: { spec: { containers: patch } } };
      return calling(`resize Pod ${of.name}`, [], () =>
        this.#core.patchNamespacedPodResize({ ...of, ...(dryRun && { dryRun }) }, strategicPatch),
      );
    };
    const patchDeployment = (body: object) =>
      calling(`change Deployment ${name}`, [], () =>
        this.#apps.patchNamespacedDeployment({ name, namespace, body }, strategicPatch),
      );
    for (const pod of pods) await resizePod(pod, patchOf(pod.spec?.containers), 'All');
    // Set and Deployment get the same new template while the Deployment rests: afterwards its controller finds its set as it wants it, and
    // starts nothing anew. A pod that is lost later comes back with the new resources.
    await patchDeployment({ spec: { paused: true } });
    const done: V1Pod[] = [];
    try {
      for (const pod of pods) {
        await resizePod(pod, patchOf(pod.spec?.containers));
        done.push(pod);
      }
      const template = { metadata: { labels: marks }, spec: { containers: patchOf(deployment.spec?.template.spec?.containers) } };
      const setName = set.metadata?.name ?? '';
      await calling(`change ReplicaSet ${setName}`, [], () =>
        this.#apps.patchNamespacedReplicaSet({ name: setName, namespace, body: { spec: { template } } }, strategicPatch),
      );
      await patchDeployment({ metadata: { labels: marks }, spec: { template } });
    } catch (error) {
      // Some may have it and others not. The cause is what counts: what cannot be put back either is seen in the pods.
      const formerOf = (pod: V1Pod) =>
        containers.map((one) => ({
          name: one.name,
          resources: replacing(one, resourcesOf(containerOf(pod.spec?.containers, one.name)?.resources)),
        }));
      await Promise.allSettled(done.map((pod) => resizePod(pod, formerOf(pod))));
      throw error;
    } finally {
      await patchDeployment({ spec: { paused: false } });
    }
    for (const { metadata } of pods)
      await calling(`mark Pod ${metadata?.name}`, [404], () =>
        this.#core.patchNamespacedPod(
          { name: metadata?.name ?? '', namespace, body: { metadata: { labels: marks } } },
          mergePatch,
        ),
      );
  }

  async #deployment(name: string): Promise<V1Deployment> {
    const found = await calling(`read Deployment ${name}`, [], () => this.#apps.readNamespacedDeployment({ name, namespace }));
    if (!found) throw new OrchestrationError(`there is no Deployment ${name}`, 404);
    return found;
  }

  /** The one ReplicaSet that has pods. @throws OrchestrationError 409 while one replaces another */
  async #currentSet({ metadata, spec }: V1Deployment): Promise<V1ReplicaSet> {
    const labelSelector = Object.entries(spec?.selector.matchLabels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(',');
    const sets = await calling(`list ReplicaSets of ${metadata?.name}`, [], () =>
      this.#apps.listNamespacedReplicaSet({ namespace, labelSelector }),
    );
    const live = (sets?.items ?? []).filter(
      (set) => (set.spec?.replicas ?? 0) > 0 && set.metadata?.ownerReferences?.some(({ uid }) => uid === metadata?.uid),
    );
    const [only] = live;
    if (!only || live.length > 1)
      throw new OrchestrationError(`Deployment ${metadata?.name} is being rolled out, or has no pods`, 409);
    return only;
  }

  async #patchTemplate(name: string, planUid: string | undefined, spec: object, strategy: typeof mergePatch): Promise<void> {
    const marks = { [labels.planUid]: planUid ?? null };
    const body = {
      metadata: { labels: marks },
      spec: { paused: false, template: { metadata: { labels: marks }, spec } },
    };
    await calling(`change Deployment ${name}`, [], () =>
      this.#apps.patchNamespacedDeployment({ name, namespace, body }, strategy),
    );
  }
}

const containerOf = (containers: V1Container[] | undefined, name: string): V1Container | undefined =>
  containers?.find((container) => container.name === name);

const amountsOf = (amounts: Record<string, string> | undefined): Amounts => ({
  ...(amounts?.cpu !== undefined && { cpu: amounts.cpu }),
  ...(amounts?.memory !== undefined && { memory: amounts.memory }),
});

export const devicesOf = (resources: V1ResourceRequirements | undefined): { devices?: Record<string, string> } => {
  const devices = Object.entries(resources?.limits ?? {}).filter(([resource]) => isDevice(resource));
  return devices.length > 0 ? { devices: Object.fromEntries(devices) } : {};
};

const resourcesOf = (resources: V1ResourceRequirements | undefined): Resources => ({
  requests: amountsOf(resources?.requests),
  limits: amountsOf(resources?.limits),
});

/** A patch that makes `wanted` of what is there: what is not wanted any more is taken away by null. */
function replacing(now: Resources, wanted: Resources): Record<string, Record<string, string | null>> {
  const part = (bound: 'requests' | 'limits') => ({
    ...Object.fromEntries(Object.keys(now[bound]).map((resource) => [resource, null])),
    ...wanted[bound],
  });
  return { requests: part('requests'), limits: part('limits') };
}

/** How far a node is with a pod's resources: conditions since Kubernetes 1.33, the field "resize" before. */
function resizeOf(pod: V1Pod | undefined): Pick<WorkloadPod, 'given' | 'resize'> {
  const given = (pod?.status?.containerStatuses ?? []).map(({ name, resources }) => ({
    name,
    resources: resources ? resourcesOf(resources) : null,
  }));
  const condition = (type: string) => pod?.status?.conditions?.find((one) => one.type === type && one.status === 'True');
  const pending = condition('PodResizePending');
  const reason = pending?.reason ?? pod?.status?.resize;
  const message = pending?.message ?? '';
  if (reason === 'Infeasible') return { given, resize: { state: 'infeasible', message } };
  if (reason === 'Deferred') return { given, resize: { state: 'deferred', message } };
  const underWay = condition('PodResizeInProgress');
  if (!underWay && !reason) return { given, resize: undefined };
  return { given, resize: { state: 'in progress', message: underWay?.message ?? '' } };
}
