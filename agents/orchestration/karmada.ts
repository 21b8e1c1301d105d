import {
  CustomObjectsApi,
  type KubeConfig,
  type KubernetesObject,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node';
import type { Subscription } from '../bus/bus.ts';
import type { Log } from '../config.ts';
import type { ApplicationDescription } from '../descriptions/application.ts';
import { namespace, toCustomResource } from '../descriptions/custom-resource.ts';
import { apiGroup, apiVersion, kinds } from '../descriptions/kinds.ts';
import { type CustomObject, DescriptionReader } from './description-reader.ts';
import { persist, prepare } from './kubernetes.ts';
import { calling } from './kubernetes-errors.ts';
import type { ContinuumOrchestrator, MemberView, PropagatedApplication } from './orchestrator.ts';
import { type ListOf, Reflector } from './reflector.ts';
import { labels } from './resources.ts';

const mergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
const applications = { group: apiGroup, version: 'v1', namespace, plural: kinds.MLSysOpsApp.plural };
const policies = { group: 'policy.karmada.io', version: 'v1alpha1', namespace, plural: 'propagationpolicies' };
const clusters = { group: 'cluster.karmada.io', version: 'v1alpha1', plural: 'clusters' };

/** The parts of Karmada's Cluster that are read (github.com/karmada-io/karmada, pkg/apis/cluster/v1alpha1). */
interface KarmadaCluster extends KubernetesObject {
  spec?: { provider?: string; region?: string };
  status?: { kubernetesVersion?: string; conditions?: { type: string; status: string; reason?: string; message?: string }[] };
}
interface PropagationPolicy extends KubernetesObject {
  spec?: {
    resourceSelectors?: { kind: string; name?: string }[];
    placement?: { clusterAffinity?: { clusterNames?: string[] } };
  };
}

const policyName = (application: string): string => `mlsysops-${application}`;

/** The continuum through Karmada's API: a description is propagated to the clusters that its PropagationPolicy names. */
export class KarmadaOrchestrator implements ContinuumOrchestrator {
  readonly #kubeConfig: KubeConfig;
  readonly #custom: CustomObjectsApi;
  readonly #log: Log;
  readonly #listeners = new Set<() => void>();
  readonly #clusters: Reflector<KarmadaCluster>;
  readonly #policies: Reflector<PropagationPolicy>;
  readonly #descriptions: Reflector<CustomObject>;
  readonly #reader: DescriptionReader;
  #stopped = false;

  constructor(kubeConfig: KubeConfig, log: Log) {
    this.#kubeConfig = kubeConfig;
    this.#custom = kubeConfig.makeApiClient(CustomObjectsApi);
    this.#log = log;
    this.#reader = new DescriptionReader(log);
    const common = {
      kubeConfig,
      log,
      onChange: () => {
        for (const listener of this.#listeners) listener();
      },
    };
    this.#clusters = new Reflector<KarmadaCluster>({
      ...common,
      path: `/apis/${clusters.group}/${clusters.version}/${clusters.plural}`,
      list: () => this.#custom.listClusterCustomObject(clusters) as Promise<ListOf<KarmadaCluster>>,
    });
    this.#policies = new Reflector<PropagationPolicy>({
      ...common,
      path: `/apis/${policies.group}/${policies.version}/namespaces/${namespace}/${policies.plural}`,
      list: () => this.#custom.listNamespacedCustomObject(policies) as Promise<ListOf<PropagationPolicy>>,
    });
    this.#descriptions = new Reflector<CustomObject>({
      ...common,
      path: `/apis/${applications.group}/${applications.version}/namespaces/${namespace}/${applications.plural}`,
      list: () => this.#custom.listNamespacedCustomObject(applications) as Promise<ListOf<CustomObject>>,
    });
  }

  async start(): Promise<void> {
    await persist(
      () => prepare(this.#kubeConfig),
      () => this.#stopped,
      this.#log,
    );
    await Promise.all([this.#clusters.start(), this.#policies.start(), this.#descriptions.start()]);
  }

  stop(): void {
    this.#stopped = true;
    for (const reflector of [this.#clusters, this.#policies, this.#descriptions]) reflector.stop();
    this.#listeners.clear();
  }

  members(): MemberView[] {
    return this.#clusters.items.map((cluster) => {
      const ready = cluster.status?.conditions?.find(({ type }) => type === 'Ready');
      return {
        name: cluster.metadata?.name ?? '',
        ready: ready?.status === 'True',
        reason: ready?.status === 'True' ? undefined : (ready?.message ?? ready?.reason ?? 'Karmada has not reported on it yet'),
        provider: cluster.spec?.provider,
        region: cluster.spec?.region,
        kubernetesVersion: cluster.status?.kubernetesVersion,
      };
    });
  }

  applications(): PropagatedApplication[] {
    const placed = new Map(
      this.#policies.items.map((policy) => [policy.metadata?.name, policy.spec?.placement?.clusterAffinity?.clusterNames ?? []]),
    );
    return this.#reader.read(this.#descriptions.items).map((application) => ({
      ...application,
      clusters: placed.get(policyName(application.description.name)) ?? [],
    }));
  }

  onChange(listener: () => void): Subscription {
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  async submit(description: ApplicationDescription): Promise<string> {
    const body = toCustomResource({ kind: 'MLSysOpsApp', value: description });
    const { name } = description;
    const uidOf = (object: unknown): string => (object as CustomObject).metadata?.uid ?? '';
    const created = await calling(`create MLSysOpsApp ${name}`, [409], () =>
      this.#custom.createNamespacedCustomObject({ ...applications, body }),
    );
    if (created) return uidOf(created);
    const existing = await calling(`read MLSysOpsApp ${name}`, [], () =>
      this.#custom.getNamespacedCustomObject({ ...applications, name }),
    );
    const { uid, resourceVersion } = (existing as CustomObject).metadata ?? {};
    const next = { ...body, metadata: { ...body.metadata, uid, resourceVersion } };
    return uidOf(
      await calling(`update MLSysOpsApp ${name}`, [], () =>
        this.#custom.replaceNamespacedCustomObject({ ...applications, name, body: next }),
      ),
    );
  }

  async place(application: string, clusterNames: string[], planUid: string): Promise<void> {
    const name = policyName(application);
    const body = {
      apiVersion: `${policies.group}/${policies.version}`,
      kind: 'PropagationPolicy',
      metadata: { name, namespace, labels: { [labels.app]: application, [labels.planUid]: planUid } },
      spec: {
        resourceSelectors: [{ apiVersion, kind: 'MLSysOpsApp', name: application, namespace }],
        placement: { clusterAffinity: { clusterNames } },
      },
    };
    const created = await calling(`create PropagationPolicy ${name}`, [409], () =>
      this.#custom.createNamespacedCustomObject({ ...policies, body }),
    );
    if (!created)
      await calling(`update PropagationPolicy ${name}`, [], () =>
        this.#custom.patchNamespacedCustomObject(
          { ...policies, name, body: { metadata: { labels: body.metadata.labels }, spec: body.spec } },
          mergePatch,
        ),
      );
  }

  async withdraw(application: string): Promise<boolean> {
    const found = await calling(`delete MLSysOpsApp ${application}`, [404], () =>
      this.#custom.deleteNamespacedCustomObject({ ...applications, name: application }),
    );
    await calling(`delete PropagationPolicy ${policyName(application)}`, [404], () =>
      this.#custom.deleteNamespacedCustomObject({ ...policies, name: policyName(application) }),
    );
    return found !== undefined;
  }
}
