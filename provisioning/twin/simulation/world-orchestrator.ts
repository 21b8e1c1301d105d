import type { Clock } from '../../../agents/clock.ts';
import type { ApplicationDescription, ComponentDescription } from '../../../agents/descriptions/application.ts';
import { replicaLimits } from '../../../agents/descriptions/scaling.ts';
import {
  type ClusterOrchestrator,
  type ComponentView,
  type DescribedApplication,
  type NodeView,
  OrchestrationError,
} from '../../../agents/orchestration/orchestrator.ts';
import type { PodView } from '../../../agents/orchestration/pod-view.ts';
import type { ContainerView, WorkloadChange, Workloads } from '../../../agents/orchestration/workloads.ts';
import { containerViewsOf, withChange } from './container-views.ts';
import { workloadOf } from './workload.ts';
import type { World } from './world.ts';

/** Times of what a node does with a pod, ms of the simulated clock: as those of the simulated kubelets for an image that is there. */
const startMs = 600;
const endMs = 500;

interface Placed {
  view: ComponentView;
  description: ComponentDescription;
  /** As its pods are started, whatever is described. */
  containers: ContainerView[];
  /** Pods of one revision share requests. */
  revision: number;
}

/**
 * A cluster without an API, straight over the physics: what evaluations over many hours run on. Pods start and end as simulated kubelets
 * have them, a new one before the old one goes.
 */
export class WorldOrchestrator implements ClusterOrchestrator {
  readonly #world: World;
  readonly #clock: Clock;
  readonly #nodes: NodeView[];
  readonly #applications: DescribedApplication[];
  readonly #placed = new Map<string, Placed>();
  readonly #listeners = new Set<() => void>();
  readonly workloads: Workloads | undefined;
  readonly #revisions = new Map<string, string>();
  #sequence = 0;

  /** @param options.scales whether the number of a component's pods, their resources and images can be changed */
  constructor(options: {
    world: World;
    clock: Clock;
    nodes: NodeView[];
    applications: ApplicationDescription[];
    scales?: boolean;
  }) {
    this.workloads = options.scales ? this.#scaling() : undefined;
    this.#world = options.world;
    this.#clock = options.clock;
    this.#nodes = options.nodes;
    this.#applications = options.applications.map((description) => ({ uid: `uid-${description.name}`, description }));
  }

  async start(): Promise<void> {}
  stop(): void {
    this.#listeners.clear();
  }
  nodes(): NodeView[] {
    return this.#nodes;
  }
  applications(): DescribedApplication[] {
    return this.#applications;
  }
  describedNames(): string[] {
    return this.#applications.map(({ description }) => description.name);
  }
  components(): ComponentView[] {
    return [...this.#placed.values()].map(({ view }) => ({ ...view, pods: view.pods.map((pod) => ({ ...pod })) }));
  }
  onChange(listener: () => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => void this.#listeners.delete(listener) };
  }

  async deploy(application: DescribedApplication, component: string, node: string, planUid: string): Promise<void> {
    const { name } = application.description;
    const key = `${name}/${component}`;
    if (this.#placed.has(key)) return;
    const description = application.description.components.find(({ metadata }) => metadata.name === component);
    if (!description) throw new OrchestrationError(`${name} has no component ${component}`, 404);
    const replicas = replicaLimits(application.description, description).initial;
    const view: ComponentView = { application: name, component, componentUid: `uid-${key}`, pin: node, replicas, pods: [] };
    const placed = { view, description, containers: containerViewsOf(description), revision: 0 };
    this.#placed.set(key, placed);
    this.#startPods(placed, node, planUid, replicas);
  }

  async pin(application: string, component: string, node: string, planUid: string): Promise<void> {
    const placed = this.#find(application, component);
    if (placed.view.pin === node) return;
    placed.view.pin = node;
    this.#roll(placed, planUid);
  }

  async respec(application: string, component: ComponentDescription, planUid: string): Promise<() => Promise<void>> {
    const placed = this.#find(application, component.metadata.name);
    const former = placed.containers;
    placed.containers = containerViewsOf(component);
    this.#roll(placed, planUid);
    return async () => {
      placed.containers = former;
      this.#roll(placed, planUid);
    };
  }

  async remove(application: string, component: string): Promise<void> {
    const placed = this.#placed.get(`${application}/${component}`);
    for (const pod of placed?.view.pods ?? []) this.#endPod(placed!, pod);
    this.#placed.delete(`${application}/${component}`);
    this.#changed();
  }

  async report(): Promise<void> {}

  #scaling(): Workloads {
    return {
      views: () =>
        this.components().map(({ application, component, pin, replicas = 1, pods }) => {
          const { containers } = this.#find(application, component);
          const given = containers.map(({ name, requests, limits }) => ({ name, resources: { requests, limits } }));
          return {
            application,
            component,
            node: pin,
            replicas,
            runtimeClass: null,
            containers,
            pods: pods.map((pod) => ({ ...pod, given, resize: undefined })),
          };
        }),
      runtimeClasses: () => undefined,
      canResize: async () => true,
      scale: async (application, component, replicas, planUid) => this.#scale(application, component, replicas, planUid),
      change: async (application, component, change, planUid) => this.#change(application, component, change, planUid),
      resize: async (application, component, containers, planUid) => {
        const placed = this.#find(application, component);
        const resized = containers.map(({ name, requests, limits }) => ({ name, resources: { requests, limits } }));
        placed.containers = withChange(placed.containers, resized);
        for (const pod of placed.view.pods) {
          if (pod.leaving) continue;
          pod.planUid = planUid;
          this.#put(placed, pod, pod.ready);
        }
        this.#changed();
      },
    };
  }

  #scale(application: string, component: string, replicas: number, planUid: string): void {
    const placed = this.#find(application, component);
    const { view } = placed;
    view.replicas = replicas;
    const staying = view.pods.filter(({ leaving }) => !leaving);
    for (const pod of staying.slice(replicas)) this.#endPod(placed, pod);
    if (view.pin !== null) this.#startPods(placed, view.pin, planUid, replicas - staying.length);
    this.#changed();
  }

  #change(application: string, component: string, change: WorkloadChange, planUid: string): () => Promise<void> {
    const placed = this.#find(application, component);
    const former = placed.containers;
    placed.containers = withChange(former, change.containers ?? []);
    this.#roll(placed, planUid);
    return async () => {
      placed.containers = former;
      this.#roll(placed, planUid);
    };
  }

  #find(application: string, component: string): Placed {
    const placed = this.#placed.get(`${application}/${component}`);
    if (!placed) throw new OrchestrationError(`there is no ${component} of ${application}`, 404);
    return placed;
  }

  /** Pods of a new revision become ready before the former ones go. */
  #roll(placed: Placed, planUid: string): void {
    const { view } = placed;
    const former = [...view.pods];
    placed.revision++;
    let missing = view.replicas ?? 1;
    this.#startPods(placed, view.pin ?? '', planUid, missing, () => {
      if (--missing > 0) return;
      for (const pod of former) this.#endPod(placed, pod);
    });
  }

  #startPods(placed: Placed, node: string, planUid: string, count: number, onReady: () => void = () => {}): void {
    const { view, revision } = placed;
    for (let started = 0; started < count; started++) {
      const uid = `pod-${this.#sequence++}`;
      const pod: PodView = {
        name: `${view.component}-${uid}`,
        uid,
        node,
        ip: null,
        ready: false,
        phase: 'Running',
        leaving: false,
        reason: undefined,
        createdAt: this.#clock.now(),
        planUid,
        metricsPort: undefined,
      };
      view.pods.unshift(pod);
      this.#revisions.set(uid, String(revision));
      this.#put(placed, pod, false);
      this.#clock.after(startMs, () => {
        if (pod.leaving) return;
        pod.ready = true;
        this.#put(placed, pod, true);
        onReady();
        this.#changed();
      });
    }
    this.#changed();
  }

  #endPod(placed: Placed, pod: PodView): void {
    if (pod.leaving) return;
    pod.leaving = true;
    pod.ready = false;
    this.#put(placed, pod, false);
    this.#clock.after(endMs, () => {
      placed.view.pods = placed.view.pods.filter((other) => other !== pod);
      this.#revisions.delete(pod.uid);
      this.#world.remove(pod.uid);
      this.#changed();
    });
  }

  #put({ view, description, containers }: Placed, pod: PodView, serving: boolean): void {
    const labels = {
      'mlsysops.eu/app': view.application,
      'mlsysops.eu/component': view.component,
      'pod-template-hash': this.#revisions.get(pod.uid) ?? '',
    };
    const programs = containers.map(({ name, image, requests, limits }, index) => {
      const command = description.containers?.[index]?.command;
      return { name, image, ...(command && { command }), resources: { requests: { ...requests }, limits: { ...limits } } };
    });
    this.#world.put(
      workloadOf(
        { metadata: { uid: pod.uid, name: pod.name, labels }, spec: { nodeName: pod.node ?? '', containers: programs } },
        serving,
      ),
    );
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
