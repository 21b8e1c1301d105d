import type { PodView } from './pod-view.ts';

/** CPU and memory as Kubernetes quantities; one that is absent is not set. */
export interface Amounts {
  cpu?: string;
  memory?: string;
}
export interface Resources {
  requests: Amounts;
  limits: Amounts;
}

export interface ContainerView extends Resources {
  name: string;
  image: string;
  /** Devices of plugins that it has, by resource: {"nvidia.com/gpu": "1"}; absent means none. */
  devices?: Record<string, string>;
}

/** A pod with what its node says of its containers' resources. */
export interface WorkloadPod extends PodView {
  /** What the node has given each container; null where it does not tell. */
  given: { name: string; resources: Resources | null }[];
  /** A resize that is not done yet: put off, impossible on this node, or under way. */
  resize: { state: 'deferred' | 'infeasible' | 'in progress'; message: string } | undefined;
}

/** A component's Deployment as it is to be, and its pods. */
export interface WorkloadView {
  application: string;
  component: string;
  node: string | null;
  replicas: number;
  /** null for the cluster's own runtime. */
  runtimeClass: string | null;
  containers: ContainerView[];
  pods: WorkloadPod[];
}

/** What changes of a component's containers; what is absent stays. */
export interface WorkloadChange {
  containers?: {
    name: string;
    image?: string;
    resources?: Resources;
    /** How many of each device; null for none of it any more. */
    devices?: Record<string, string | null>;
    /** Variables that are set, besides those there are. */
    env?: Record<string, string>;
  }[];
  /** null for the cluster's own runtime. */
  runtimeClass?: string | null;
}

/** What can be changed of components that run, besides where they do. Every change leaves the plan's id on Deployment and pods. */
export interface Workloads {
  views(): WorkloadView[];
  /** Names of the RuntimeClasses there are; undefined where they cannot be read. */
  runtimeClasses(): string[] | undefined;
  /** Whether the API can change the resources of pods that run. @throws OrchestrationError */
  canResize(): Promise<boolean>;
  /** Gives the Deployment another number of pods. @throws OrchestrationError */
  scale(application: string, component: string, replicas: number, planUid: string): Promise<void>;
  /**
   * Changes the template: each new pod becomes ready before an old one goes.
   * @returns what puts back the former template
   * @throws OrchestrationError
   */
  change(application: string, component: string, change: WorkloadChange, planUid: string): Promise<() => Promise<void>>;
  /**
   * Changes resources of the pods that run, and of the template without starting new pods; when the nodes have done it shows in the views.
   * @throws OrchestrationError code 422 when the API does not take it for these pods
   */
  resize(application: string, component: string, containers: (Resources & { name: string })[], planUid: string): Promise<void>;
}
