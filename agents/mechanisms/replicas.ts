import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { replicaLimits } from '../descriptions/scaling.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';
import { waitUntil } from './steps.ts';
import {
  described,
  endTimeoutMs,
  gone,
  named,
  ready,
  reasonOf,
  startTimeoutMs,
  viewOf,
  type WorkloadCluster,
} from './workload-steps.ts';

export const replicasCommandSchema = z.strictObject({
  name: z.string(),
  component: z.string(),
  replicas: z.number().int().min(1),
});

/**
 * The number of a component's pods. A component stays on the one node that it is pinned to, and moves as a whole: replicas are more pods
 * there, over which its Service spreads requests. They use more of that node's processors, and let one pod fail; they do not let the node
 * fail. Only a description with `scaling_mode: auto` leaves their number to agents, up to its `instances`.
 */
export class ReplicasMechanism implements Mechanism {
  readonly name = 'replicas';
  readonly #cluster: WorkloadCluster;
  readonly #clock: Clock;

  constructor(cluster: WorkloadCluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  state(): Json {
    return this.#cluster.workloads.views().map(({ application, component, replicas, pods }) => ({
      application,
      component,
      replicas,
      ready: ready(pods.filter(({ leaving }) => !leaving)),
    }));
  }

  options(): Json {
    return this.#cluster.workloads.views().map(({ application, component, replicas }) => {
      const found = described(this.#cluster, application, component);
      const limits = found && replicaLimits(found.application, found.component);
      const permitted = limits?.automatic ?? false;
      return { application, component, permitted, min: limits?.least ?? replicas, max: limits ? limits.most : replicas };
    });
  }

  touches(command: unknown): string[] {
    const { name, component } = replicasCommandSchema.parse(command);
    return [`${name}/${component}`];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const { name, component, replicas } = replicasCommandSchema.parse(command);
    const found = named(this.#cluster, name, component, null);
    const { least, most, automatic } = replicaLimits(found.application, found.component);
    if (!automatic) throw new MechanismError(`${name} does not permit it: ${component} has no scaling_mode auto`);
    if (replicas < least || (most !== null && replicas > most))
      throw new MechanismError(`${component} may have ${least} to ${most ?? 'any number of'} replicas, not ${replicas}`);
    const former = found.view.replicas;
    if (replicas === former && !plan.resumed) throw new MechanismError(`${component} has ${replicas} replicas already`);
    const scale = (to: number) => () => this.#cluster.workloads.scale(name, component, to, plan.planId);
    await plan.run(`Scale ${component} from ${former} to ${replicas}`, scale(replicas), {
      title: `Scale ${component} back to ${former}`,
      run: scale(former),
    });
    const staying = () => (viewOf(this.#cluster, name, component)?.pods ?? []).filter(({ leaving }) => !leaving);
    const isThere = () => viewOf(this.#cluster, name, component)?.replicas === replicas;
    const more = replicas > former;
    await plan.run(more ? `Start ${replicas - former} more` : `End ${former - replicas}`, () =>
      waitUntil({
        what: more ? `${component} does not start` : `${component} does not end`,
        isTrue: () => isThere() && (more ? ready(staying()) >= replicas : staying().length <= replicas),
        failed: () => gone(this.#cluster, name, component) ?? (more ? reasonOf(staying()) : undefined),
        onChange: (listener) => this.#cluster.onChange(listener),
        clock: this.#clock,
        timeoutMs: more ? startTimeoutMs : endTimeoutMs,
      }),
    );
  }
}
