import type { Subscription } from '../bus/bus.ts';
import type { ApplicationDescription, ComponentDescription } from '../descriptions/application.ts';
import type { PodView } from './pod-view.ts';
import type { Workloads } from './workloads.ts';

export interface NodeView {
  name: string;
  ready: boolean;
  /** Since when it has not been ready, ms since the epoch; absent while it is, and where Kubernetes does not tell. */
  notReadySince?: number;
  unschedulable: boolean;
  labels: Record<string, string>;
  /** Taints that keep pods away (NoSchedule, NoExecute). */
  taints: { key: string; value: string; effect: string }[];
  cores: number;
  memoryBytes: number;
  /** What its device plugins offer, by resource: {"nvidia.com/gpu": 2}; absent means nothing. */
  devices?: Record<string, number>;
  /** Its address within the cluster; absent where Kubernetes knows none. */
  address?: string;
}

/** A component as it stands in the cluster: one Deployment, pinned to one node, and its pods, newest first. */
export interface ComponentView {
  application: string;
  component: string;
  componentUid: string;
  /** Kubernetes node that it is pinned to. */
  pin: string | null;
  /** Pods that it is to have, all on that node; absent means 1. */
  replicas?: number;
  pods: PodView[];
}

/** An application description as it lies in the API. */
export interface DescribedApplication {
  uid: string;
  description: ApplicationDescription;
}

/** What a cluster agent needs of its cluster. Views come from watches: they are what is known now, without asking. */
export interface ClusterOrchestrator {
  /** What can be changed of components that run, besides where they do; absent where nothing of it can. */
  readonly workloads?: Workloads;
  /** Resolves when the first view of everything is there; keeps trying until then. */
  start(): Promise<void>;
  stop(): void;
  nodes(): readonly NodeView[];
  applications(): DescribedApplication[];
  /** Names of all descriptions there are, those that cannot be used included. */
  describedNames(): string[];
  components(): readonly ComponentView[];
  /** Called after anything of the views has changed. */
  onChange(listener: () => void): Subscription;
  /** Creates the component's Deployment and Service, pinned to `node`. Repeating it changes nothing more. @throws OrchestrationError */
  deploy(application: DescribedApplication, component: string, node: string, planUid: string): Promise<void>;
  /** Changes the pin: the new pod becomes ready before the old one goes. @throws OrchestrationError */
  pin(application: string, component: string, node: string, planUid: string): Promise<void>;
  /**
   * Gives the component's containers other images, resources or runtime class; a new pod becomes ready before the old one goes.
   * @returns what puts back the former ones
   * @throws OrchestrationError
   */
  respec(application: string, component: ComponentDescription, planUid: string): Promise<() => Promise<void>>;
  /** Deletes the component's Deployment and Service; harmless when they are gone. @throws OrchestrationError */
  remove(application: string, component: string): Promise<void>;
  /** Writes the status of an application's custom resource, for "kubectl get mlsapp"; harmless when it has gone. @throws OrchestrationError */
  report(application: string, status: ResourceStatus): Promise<void>;
}

/** The `status` of an application's custom resource. */
export interface ResourceStatus {
  phase: string;
  /** Components with a ready pod, of all: "2/3". */
  ready: string;
  clusters: string;
  components: { name: string; state: string; node: string | null; reason?: string }[];
}

export interface MemberView {
  name: string;
  ready: boolean;
  /** Why it is not ready, in Karmada's words. */
  reason: string | undefined;
  provider: string | undefined;
  region: string | undefined;
  kubernetesVersion: string | undefined;
}

export interface PropagatedApplication extends DescribedApplication {
  /** Clusters that its PropagationPolicy names; empty while there is none. */
  clusters: string[];
}

/** What the continuum agent needs of Karmada. */
export interface ContinuumOrchestrator {
  start(): Promise<void>;
  stop(): void;
  members(): MemberView[];
  applications(): PropagatedApplication[];
  onChange(listener: () => void): Subscription;
  /** Creates or updates the description; gives its uid. @throws OrchestrationError */
  submit(description: ApplicationDescription): Promise<string>;
  /** @throws OrchestrationError */
  place(application: string, clusters: string[], planUid: string): Promise<void>;
  /** Deletes description and PropagationPolicy. Gives false when there was no such application. @throws OrchestrationError */
  withdraw(application: string): Promise<boolean>;
}

/** Kubernetes or Karmada refused or could not be reached; `code` is the HTTP status where there was one. */
export class OrchestrationError extends Error {
  override readonly name = 'OrchestrationError';
  readonly code: number | undefined;
  constructor(message: string, code?: number, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The pod that does the component's work now: a ready one on the pinned node before any other ready one, else the newest that stays. */
export function servingPod(component: ComponentView): PodView | undefined {
  const ready = component.pods.filter((pod) => pod.ready && !pod.leaving);
  return (
    ready.find((pod) => pod.node === component.pin) ?? ready[0] ?? component.pods.find((pod) => !pod.leaving) ?? component.pods[0]
  );
}
