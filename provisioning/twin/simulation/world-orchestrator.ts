import type { Clock } from '../../../agents/clock.ts';
import type { ApplicationDescription, ComponentDescription } from '../../../agents/descriptions/application.ts';
import {
  type ClusterOrchestrator,
  type ComponentView,
  type DescribedApplication,
  type NodeView,
  OrchestrationError,
} from '../../../agents/orchestration/orchestrator.ts';
import type { PodView } from '../../../agents/orchestration/pod-view.ts';
import type { Workloads } from '../../../agents/orchestration/workloads.ts';
import { workloadOf } from './workload.ts';
import type { World } from './world.ts';

/** Times of what a node does with a pod, ms of the simulated clock: as those of the simulated kubelets for an image that is there. */
const startMs = 600;
const endMs = 500;

interface Placed {
  view: ComponentView;
  description: ComponentDescription;
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
  #sequence = 0;

  /** @param options.scales whether the number of a component's pods can be changed: 0 or 1 */
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
    const view: ComponentView = { application: name, component, componentUid: `uid-${key}`, pin: node, pods: [] };
    this.#placed.set(key, { view, description });
    this.#startPod(view, node, planUid);
  }

  async pin(application: string, component: string, node: string, planUid: string): Promise<void> {
    const { view } = this.#find(application, component);
    if (view.pin === node) return;
    const former = [...view.pods];
    view.pin = node;
    this.#startPod(view, node, planUid, () => {
      for (const pod of former) this.#endPod(view, pod);
    });
  }

  async respec(): Promise<() => Promise<void>> {
    throw new OrchestrationError('an evaluation changes no specification', 501);
  }

  async remove(application: string, component: string): Promise<void> {
    const placed = this.#placed.get(`${application}/${component}`);
    for (const pod of placed?.view.pods ?? []) this.#endPod(placed!.view, pod);
    this.#placed.delete(`${application}/${component}`);
    this.#changed();
  }

  async report(): Promise<void> {}

  /** An evaluation has components sleep; it changes nothing else of them. */
  #scaling(): Workloads {
    const refuse = async (): Promise<never> => {
      throw new OrchestrationError('an evaluation changes no specification', 501);
    };
    return {
      views: () =>
        this.components().map(({ application, component, pin, replicas = 1, pods }) => ({
          application,
          component,
          node: pin,
          replicas,
          runtimeClass: null,
          containers: [],
          pods: pods.map((pod) => ({ ...pod, given: [], resize: undefined })),
        })),
      runtimeClasses: () => undefined,
      canResize: async () => false,
      scale: async (application, component, replicas, planUid) => {
        if (replicas > 1) return refuse();
        const { view } = this.#find(application, component);
        view.replicas = replicas;
        const staying = view.pods.filter(({ leaving }) => !leaving);
        if (replicas === 0) for (const pod of staying) this.#endPod(view, pod);
        else if (staying.length === 0 && view.pin !== null) this.#startPod(view, view.pin, planUid);
        this.#changed();
      },
      change: refuse,
      resize: refuse,
    };
  }

  #find(application: string, component: string): Placed {
    const placed = this.#placed.get(`${application}/${component}`);
    if (!placed) throw new OrchestrationError(`there is no ${component} of ${application}`, 404);
    return placed;
  }

  #startPod(view: ComponentView, node: string, planUid: string, onReady: () => void = () => {}): void {
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
    this.#put(view, pod, false);
    this.#changed();
    this.#clock.after(startMs, () => {
      if (pod.leaving) return;
      pod.ready = true;
      this.#put(view, pod, true);
      onReady();
      this.#changed();
    });
  }

  #endPod(view: ComponentView, pod: PodView): void {
    if (pod.leaving) return;
    pod.leaving = true;
    pod.ready = false;
    this.#put(view, pod, false);
    this.#clock.after(endMs, () => {
      view.pods = view.pods.filter((other) => other !== pod);
      this.#world.remove(pod.uid);
      this.#changed();
    });
  }

  #put(view: ComponentView, pod: PodView, serving: boolean): void {
    const description = this.#find(view.application, view.component).description;
    const containers = (description.containers ?? []).map(({ image, command, platform_requirements }) => ({
      name: view.component,
      ...(image !== undefined && { image }),
      ...(command && { command }),
      ...(platform_requirements?.cpu?.requests !== undefined && {
        resources: { requests: { cpu: String(platform_requirements.cpu.requests) } },
      }),
    }));
    const labels = { 'mlsysops.eu/app': view.application, 'mlsysops.eu/component': view.component };
    this.#world.put(
      workloadOf({ metadata: { uid: pod.uid, name: pod.name, labels }, spec: { nodeName: pod.node ?? '', containers } }, serving),
    );
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
