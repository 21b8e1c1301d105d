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

export const componentSleepCommandSchema = z.strictObject({
  name: z.string(),
  component: z.string(),
  command: z.enum(['sleep', 'wake']),
});

/**
 * Components that sleep: all of their pods end, while their Deployment and its place stay, until they are woken. Only a description with `scaling_mode: auto` leaves
 * the number of its pods to agents, and so this too.
 */
export class ComponentSleepMechanism implements Mechanism {
  readonly name = 'componentSleep';
  readonly #cluster: WorkloadCluster;
  readonly #clock: Clock;

  constructor(cluster: WorkloadCluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  state(): Json {
    return this.#cluster.workloads.views().map(({ application, component, replicas }) => ({
      application,
      component,
      sleeps: replicas === 0,
    }));
  }

  options(): Json {
    return this.#cluster.workloads.views().map(({ application, component }) => {
      const found = described(this.#cluster, application, component);
      const permitted = found !== undefined && replicaLimits(found.application, found.component).automatic;
      return { application, component, permitted, commands: ['sleep', 'wake'] };
    });
  }

  touches(command: unknown): string[] {
    const { name, component } = componentSleepCommandSchema.parse(command);
    return [`${name}/${component}`];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const { name, component, command: wanted } = componentSleepCommandSchema.parse(command);
    const found = named(this.#cluster, name, component, null);
    const { initial, automatic } = replicaLimits(found.application, found.component);
    if (!automatic) throw new MechanismError(`${name} does not permit it: ${component} has no scaling_mode auto`);
    const former = found.view.replicas;
    const isAsleep = former === 0;
    if (isAsleep === (wanted === 'sleep') && !plan.resumed)
      throw new MechanismError(`${component} ${isAsleep ? 'sleeps' : 'is awake'} already`);
    const scale = (to: number) => () => this.#cluster.workloads.scale(name, component, to, plan.planId);
    const replicas = wanted === 'sleep' ? 0 : initial;
    await plan.run(wanted === 'sleep' ? `Have ${component} sleep` : `Wake ${component}`, scale(replicas), {
      title: wanted === 'sleep' ? `Wake ${component} again` : `Have ${component} sleep again`,
      run: scale(former),
    });
    const staying = () => (viewOf(this.#cluster, name, component)?.pods ?? []).filter(({ leaving }) => !leaving);
    await plan.run(wanted === 'sleep' ? `Wait until ${component} has ended` : `Start ${component}`, () =>
      waitUntil({
        what: wanted === 'sleep' ? `${component} does not end` : `${component} does not start`,
        isTrue: () => (wanted === 'sleep' ? staying().length === 0 : ready(staying()) >= replicas),
        failed: () => gone(this.#cluster, name, component) ?? (wanted === 'wake' ? reasonOf(staying()) : undefined),
        onChange: (listener) => this.#cluster.onChange(listener),
        clock: this.#clock,
        timeoutMs: wanted === 'sleep' ? endTimeoutMs : startTimeoutMs,
      }),
    );
  }
}
