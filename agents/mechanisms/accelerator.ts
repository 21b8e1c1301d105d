import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { type ComponentDescription, permits } from '../descriptions/application.ts';
import type { NodeDescription } from '../descriptions/node.ts';
import { deviceFor, type Platform, platformOf, platforms } from '../orchestration/devices.ts';
import type { NodeView } from '../orchestration/orchestrator.ts';
import type { ContainerView, WorkloadView } from '../orchestration/workloads.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';
import { nodePermits } from './permission.ts';
import { containerIn, described, named, replacePods, type WorkloadCluster } from './workload-steps.ts';

/** `container` may be left out where there is one; "cpu" takes its accelerator away. */
export const acceleratorCommandSchema = z.strictObject({
  name: z.string(),
  component: z.string(),
  container: z.string().optional(),
  platform: z.enum(platforms),
  instances: z.number().int().min(1).max(64).default(1),
});

/** Tells the code in a container which platform its acceleration calls are to use. */
export const acceleratorVariable = 'MLSYSOPS_ACCELERATOR';

/** A node as Kubernetes knows it, with its agent's description. */
export type AcceleratorNode = Pick<NodeView, 'name' | 'devices'> & { description?: NodeDescription | undefined };
export interface AcceleratorCluster extends WorkloadCluster {
  node: (name: string) => AcceleratorNode | undefined;
}

/**
 * What a container's acceleration calls (optical flow, inference of images) run on, where it is now: the processor, or accelerators that its node's device
 * plugins offer. Which platform a node has for which call is in its description.
 */
export class AcceleratorMechanism implements Mechanism {
  readonly name = 'accelerator';
  readonly #cluster: AcceleratorCluster;
  readonly #clock: Clock;

  constructor(cluster: AcceleratorCluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  state(): Json {
    return this.#accelerated().map(({ view, container }) => ({
      ...keyOf(view),
      container: container.name,
      ...assignedTo(container),
    }));
  }

  /** Each platform as it could be had where the component is now, or why it could not. */
  options(): Json {
    return this.#accelerated().map(({ view, container, calls }) => {
      const found = described(this.#cluster, view.application, view.component);
      const permitted = found !== undefined && permits(found.application, 'acceleration');
      const offered = platforms.map((platform): Json => {
        const offer = this.#offer(view, container, calls, platform);
        return 'refusal' in offer ? { platform, absent: offer.refusal } : { platform, most: offer.free };
      });
      return { ...keyOf(view), container: container.name, calls, permitted, platforms: offered };
    });
  }

  touches(command: unknown): string[] {
    const { name, component } = acceleratorCommandSchema.parse(command);
    return [`${name}/${component}`];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const { name, component, container: wantedContainer, platform, instances } = acceleratorCommandSchema.parse(command);
    const { view, component: is } = named(this.#cluster, name, component, 'acceleration');
    const container = containerIn(view, wantedContainer);
    const calls = callsOf(is, view.containers.indexOf(container));
    const offer = this.#offer(view, container, calls, platform);
    if ('refusal' in offer) throw new MechanismError(offer.refusal);
    if (platform !== 'cpu' && instances > offer.free)
      throw new MechanismError(`${view.node} has ${offer.free} of ${offer.device} free, ${instances} are asked for`);
    const before = assignedTo(container);
    const isAlready = before.platform === platform && (platform === 'cpu' || before.instances === instances);
    if (isAlready && !plan.resumed) throw new MechanismError(`${component} runs its acceleration calls on that already`);
    const given = offer.device === undefined ? {} : { [offer.device]: String(instances) };
    const taken = Object.fromEntries(Object.keys(container.devices ?? {}).map((device) => [device, null]));
    const change = { name: container.name, devices: { ...taken, ...given }, env: { [acceleratorVariable]: platform } };
    const titles = {
      change: `Have ${component} accelerated by ${platform === 'cpu' ? 'the processor alone' : `${instances} ${platform}`}`,
      putBack: `Have ${component} accelerated by ${before.platform} again`,
    };
    await replacePods(plan, { cluster: this.#cluster, clock: this.#clock }, view, titles, () =>
      this.#cluster.workloads.change(name, component, { containers: [change] }, plan.planId),
    );
  }

  /** What a platform could be had as: the device that stands for it in Kubernetes, and how many of it are free for this container. */
  #offer(
    view: WorkloadView,
    container: ContainerView,
    calls: readonly string[],
    platform: Platform,
  ): { device: string | undefined; free: number } | { refusal: string } {
    if (calls.length === 0)
      return { refusal: `${container.name} is described with no acceleration_api: there is nothing to accelerate` };
    // Any processor can do what any accelerator does.
    if (platform === 'cpu') return { device: undefined, free: 1 };
    if (view.node === null) return { refusal: `${view.component} is on no node` };
    const node = this.#cluster.node(view.node);
    if (!node?.description) return { refusal: `what ${view.node} can accelerate is not known: its agent has not described it` };
    if (!nodePermits(node.description, 'acceleration'))
      return { refusal: `the description of ${view.node} does not permit acceleration` };
    const missing = calls.find(
      (call) =>
        !node.description?.acceleration_api?.some(
          ({ call_name: name, supported_platforms: there = [] }) => name === call && there.some((one) => one.name === platform),
        ),
    );
    if (missing !== undefined) return { refusal: `${view.node} has no ${platform} for ${missing}` };
    const device = deviceFor(platform, node.devices);
    if (device === undefined)
      return { refusal: `the kubelet of ${view.node} offers no ${platform}: the device plugin of its vendor is not there` };
    return { device, free: Math.max((node.devices?.[device] ?? 0) - this.#takenByOthers(view, container, device), 0) };
  }

  #takenByOthers(view: WorkloadView, container: ContainerView, device: string): number {
    return this.#cluster.workloads
      .views()
      .filter(({ node }) => node === view.node)
      .flatMap((other) =>
        other.containers
          .filter(
            ({ name }) => other.application !== view.application || other.component !== view.component || name !== container.name,
          )
          .map(({ devices }) => other.replicas * Number(devices?.[device] ?? 0)),
      )
      .reduce((sum, count) => sum + count, 0);
  }

  #accelerated(): { view: WorkloadView; container: ContainerView; calls: string[] }[] {
    return this.#cluster.workloads.views().flatMap((view) => {
      const found = described(this.#cluster, view.application, view.component);
      return view.containers.flatMap((container, index) => {
        const calls = found ? callsOf(found.component, index) : [];
        return calls.length > 0 ? [{ view, container, calls }] : [];
      });
    });
  }
}

const keyOf = ({ application, component }: WorkloadView) => ({ application, component });

/** Containers of a pod are in the order of their descriptions. */
const callsOf = (component: ComponentDescription, index: number): string[] =>
  (component.containers?.[index]?.acceleration_api ?? []).map(({ call_name: name }) => name);

function assignedTo({ devices = {} }: ContainerView): { platform: Platform; instances: number } {
  const [device, count] = Object.entries(devices).find(([name]) => platformOf(name) !== undefined) ?? [];
  const platform = device === undefined ? undefined : platformOf(device);
  return platform === undefined ? { platform: 'cpu', instances: 0 } : { platform, instances: Number(count) };
}
