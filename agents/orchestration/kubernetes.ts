import {
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  type KubeConfig,
  NodeV1Api,
  PatchStrategy,
  setHeaderOptions,
  type V1Deployment,
  type V1Node,
  type V1Pod,
  type V1RuntimeClass,
} from '@kubernetes/client-node';
import type { Subscription } from '../bus/bus.ts';
import type { Log } from '../config.ts';
import type { ComponentDescription } from '../descriptions/application.ts';
import { customResourceDefinition, namespace } from '../descriptions/custom-resource.ts';
import { apiGroup, kinds } from '../descriptions/kinds.ts';
import { type CustomObject, DescriptionReader } from './description-reader.ts';
import { devicesMoved, type Offered } from './devices.ts';
import { ExpectedPins } from './expected-pins.ts';
import { calling, errorText } from './kubernetes-errors.ts';
import { devicesOf, KubernetesWorkloads } from './kubernetes-workloads.ts';
import {
  type ClusterOrchestrator,
  type ComponentView,
  type DescribedApplication,
  type NodeView,
  OrchestrationError,
  type ResourceStatus,
} from './orchestrator.ts';
import { type ListOf, Reflector } from './reflector.ts';
import {
  componentUid,
  containersOf,
  deploymentName,
  deploymentOf,
  hostnameLabel,
  labels,
  runtimeClassOf,
  serviceOf,
} from './resources.ts';
import { componentViews, nodeView } from './views.ts';

const mergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
const strategicPatch = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch);
const plural = kinds.MLSysOpsApp.plural;

interface ComponentsSeen {
  deployments: readonly V1Deployment[];
  pods: readonly V1Pod[];
  nodes: readonly V1Node[];
  /** By the name of the Deployment. */
  plans: ReadonlyMap<string | undefined, string | undefined>;
  views: readonly ComponentView[];
}

/** A cluster through its Kubernetes API. */
export class KubernetesOrchestrator implements ClusterOrchestrator {
  readonly #kubeConfig: KubeConfig;
  readonly #apps: AppsV1Api;
  readonly #core: CoreV1Api;
  readonly #custom: CustomObjectsApi;
  readonly #log: Log;
  readonly #listeners = new Set<() => void>();
  readonly #nodes: Reflector<V1Node>;
  readonly #pods: Reflector<V1Pod>;
  readonly #deployments: Reflector<V1Deployment>;
  readonly #descriptions: Reflector<CustomObject>;
  readonly #runtimeClasses: Reflector<V1RuntimeClass>;
  readonly workloads: KubernetesWorkloads;
  readonly #reader: DescriptionReader;
  readonly #expected = new ExpectedPins(Date.now);
  /** Made of what the watches last told; they are asked several times a second, and seldom tell anything. */
  #nodeViews: { of: readonly V1Node[]; views: readonly NodeView[] } = { of: [], views: [] };
  #componentViews: ComponentsSeen | undefined;
  #stopped = false;

  constructor(kubeConfig: KubeConfig, log: Log) {
    this.#kubeConfig = kubeConfig;
    this.#apps = kubeConfig.makeApiClient(AppsV1Api);
    this.#core = kubeConfig.makeApiClient(CoreV1Api);
    this.#log = log;
    this.#reader = new DescriptionReader(log);
    this.#custom = kubeConfig.makeApiClient(CustomObjectsApi);
    const common = { kubeConfig, log, onChange: () => this.#changed() };
    const labelSelector = labels.app;
    this.#nodes = new Reflector<V1Node>({ ...common, path: '/api/v1/nodes', list: () => this.#core.listNode() });
    this.#pods = new Reflector<V1Pod>({
      ...common,
      path: `/api/v1/namespaces/${namespace}/pods`,
      query: { labelSelector },
      list: () => this.#core.listNamespacedPod({ namespace, labelSelector }),
    });
    this.#deployments = new Reflector<V1Deployment>({
      ...common,
      path: `/apis/apps/v1/namespaces/${namespace}/deployments`,
      query: { labelSelector },
      list: () => this.#apps.listNamespacedDeployment({ namespace, labelSelector }),
    });
    this.#descriptions = new Reflector<CustomObject>({
      ...common,
      path: `/apis/${apiGroup}/v1/namespaces/${namespace}/${plural}`,
      list: () =>
        this.#custom.listNamespacedCustomObject({ group: apiGroup, version: 'v1', namespace, plural }) as Promise<
          ListOf<CustomObject>
        >,
    });
    const runtimes = kubeConfig.makeApiClient(NodeV1Api);
    this.#runtimeClasses = new Reflector<V1RuntimeClass>({
      ...common,
      path: '/apis/node.k8s.io/v1/runtimeclasses',
      list: () => runtimes.listRuntimeClass(),
    });
    this.workloads = new KubernetesWorkloads({
      apps: this.#apps,
      core: this.#core,
      deployments: this.#deployments,
      pods: this.#pods,
      runtimeClasses: this.#runtimeClasses,
      components: () => this.components(),
    });
  }

  async start(): Promise<void> {
    await persist(
      () => prepare(this.#kubeConfig),
      () => this.#stopped,
      this.#log,
    );
    await Promise.all([this.#nodes.start(), this.#pods.start(), this.#deployments.start(), this.#descriptions.start()]);
    // Not waited for: an agent whose rights are older cannot read them, and does all the rest.
    void this.#runtimeClasses.start();
  }

  stop(): void {
    this.#stopped = true;
    for (const reflector of [this.#nodes, this.#pods, this.#deployments, this.#descriptions, this.#runtimeClasses])
      reflector.stop();
    this.#listeners.clear();
  }

  nodes(): readonly NodeView[] {
    const { items } = this.#nodes;
    if (this.#nodeViews.of !== items) this.#nodeViews = { of: items, views: items.map(nodeView) };
    return this.#nodeViews.views;
  }

  applications(): DescribedApplication[] {
    return this.#reader.read(this.#descriptions.items);
  }

  describedNames(): string[] {
    return this.#descriptions.items.map(({ metadata }) => metadata?.name ?? '');
  }

  components(): readonly ComponentView[] {
    const [deployments, pods, nodes] = [this.#deployments.items, this.#pods.items, this.#nodes.items];
    let seen = this.#componentViews;
    if (!seen || seen.deployments !== deployments || seen.pods !== pods || seen.nodes !== nodes) {
      const plans = new Map(deployments.map(({ metadata }) => [metadata?.name, metadata?.labels?.[labels.planUid]]));
      seen = { deployments, pods, nodes, plans, views: componentViews(deployments, pods, nodes) };
      this.#componentViews = seen;
    }
    const { plans, views } = seen;
    return this.#expected.applyTo(views, (application, component) => plans.get(deploymentName(application, component)));
  }

  onChange(listener: () => void): Subscription {
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  async deploy(application: DescribedApplication, component: string, node: string, planUid: string): Promise<void> {
    const { description } = application;
    const described = description.components.find(({ metadata }) => metadata.name === component);
    if (!described) throw new OrchestrationError(`${description.name} has no component "${component}"`);
    const expected = {
      application: description.name,
      component,
      componentUid: componentUid(description.name, described),
      node,
      planUid,
    };
    return this.#expected.while(expected, () => this.#create(application, described, node, planUid));
  }

  async #create(
    { description, uid }: DescribedApplication,
    described: ComponentDescription,
    node: string,
    planUid: string,
  ): Promise<boolean> {
    // Services of all components first: a container learns its peers' addresses when it starts.
    for (const peer of description.components) {
      const service = serviceOf(description, peer, uid);
      if (!service) continue;
      const name = service.metadata?.name;
      await calling(`create Service ${name}`, [409], () => this.#core.createNamespacedService({ namespace, body: service }));
    }
    const place = { node: this.#hostnameOf(node), offered: this.#devicesOf(node) };
    const body = deploymentOf(description, described, { ...place, planUid, ownerUid: uid });
    const created = await calling(`create Deployment ${body.metadata?.name}`, [409], () =>
      this.#apps.createNamespacedDeployment({ namespace, body }),
    );
    return created !== undefined;
  }

  async pin(application: string, component: string, node: string, planUid: string): Promise<void> {
    const marks = { [labels.planUid]: planUid };
    const name = deploymentName(application, component);
    const now = this.#deployments.items.find(({ metadata }) => metadata?.name === name)?.spec?.template.spec?.containers;
    const containers = (now ?? []).flatMap((container) => {
      const devices = devicesMoved(devicesOf(container.resources).devices ?? {}, this.#devicesOf(node));
      return devices ? [{ name: container.name, resources: { requests: devices, limits: devices } }] : [];
    });
    const nodeSelector = { [hostnameLabel]: this.#hostnameOf(node) };
    const body = {
      metadata: { labels: marks },
      // Not resting any more: an agent that ended in the middle of a resize has left it so.
      spec: {
        paused: false,
        template: { metadata: { labels: marks }, spec: { nodeSelector, ...(containers.length > 0 && { containers }) } },
      },
    };
    const present = this.components().find((view) => view.application === application && view.component === component);
    const change = async (): Promise<boolean> => {
      await calling(`pin Deployment ${name} to ${node}`, [], () =>
        // Containers are joined by their names, which a merge patch would not do.
        this.#apps.patchNamespacedDeployment({ name, namespace, body }, containers.length > 0 ? strategicPatch : mergePatch),
      );
      return true;
    };
    const { componentUid: uid } = present ?? { componentUid: '' };
    await this.#expected.while({ application, component, componentUid: uid, node, planUid }, change);
  }

  async respec(application: string, component: ComponentDescription, planUid: string): Promise<() => Promise<void>> {
    const name = deploymentName(application, component.metadata.name);
    const former = this.#deployments.items.find(({ metadata }) => metadata?.name === name)?.spec?.template;
    if (!former) throw new OrchestrationError(`there is no Deployment ${name}`);
    const patch = (plan: string | undefined, containers: unknown, runtimeClassName: string | undefined) => {
      const marks = { [labels.planUid]: plan ?? null };
      // What a merge patch leaves out stays: a runtime class is taken away by null.
      const spec = { containers, runtimeClassName: runtimeClassName ?? null };
      const body = { metadata: { labels: marks }, spec: { paused: false, template: { metadata: { labels: marks }, spec } } };
      return calling(`change Deployment ${name}`, [], () =>
        this.#apps.patchNamespacedDeployment({ name, namespace, body }, mergePatch),
      );
    };
    const pin = this.components().find(
      (view) => view.application === application && view.component === component.metadata.name,
    )?.pin;
    await patch(planUid, containersOf(component, pin ? this.#devicesOf(pin) : undefined), runtimeClassOf(component));
    const { containers, runtimeClassName } = former.spec ?? {};
    return async () => void (await patch(former.metadata?.labels?.[labels.planUid], containers, runtimeClassName));
  }

  async remove(application: string, component: string): Promise<void> {
    this.#expected.forget(application, component);
    const name = deploymentName(application, component);
    await calling(`delete Deployment ${name}`, [404], () =>
      this.#apps.deleteNamespacedDeployment({ name, namespace, propagationPolicy: 'Background' }),
    );
    await calling(`delete Service ${component}`, [404], () => this.#core.deleteNamespacedService({ name: component, namespace }));
  }

  async report(application: string, status: ResourceStatus): Promise<void> {
    const place = { group: apiGroup, version: 'v1', namespace, plural, name: application };
    await calling(`write the status of ${application}`, [404], () =>
      this.#custom.patchNamespacedCustomObjectStatus({ ...place, body: { status } }, mergePatch),
    );
  }

  #devicesOf(node: string): Offered {
    return this.nodes().find(({ name }) => name === node)?.devices;
  }

  #hostnameOf(node: string): string {
    return this.nodes().find(({ name }) => name === node)?.labels[hostnameLabel] ?? node;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Makes sure of the namespace and the custom resource definition. @throws OrchestrationError */
export async function prepare(kubeConfig: KubeConfig): Promise<void> {
  const core = kubeConfig.makeApiClient(CoreV1Api);
  const custom = kubeConfig.makeApiClient(CustomObjectsApi);
  const body = customResourceDefinition('MLSysOpsApp');
  const { name } = body.metadata;
  // As an object of no known kind: the client's own kind drops the schema's "x-kubernetes-…", and the API then every field that it allows.
  const definitions = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };
  const created = await calling(`create ${name}`, [409], () => custom.createClusterCustomObject({ ...definitions, body }));
  if (!created)
    await calling(`update ${name}`, [], () =>
      custom.patchClusterCustomObject({ ...definitions, name, body: { spec: body.spec } }, mergePatch),
    );
  await calling(`create namespace ${namespace}`, [409], () => core.createNamespace({ body: { metadata: { name: namespace } } }));
}

/** Tries `work` until it succeeds or `isStopped`, less and less often. */
export async function persist(work: () => Promise<void>, isStopped: () => boolean, log: Log): Promise<void> {
  for (let delayMs = 250; !isStopped(); delayMs = Math.min(delayMs * 2, 10_000)) {
    try {
      return await work();
    } catch (error) {
      log('warn', `${errorText(error)}; trying again in ${delayMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}
