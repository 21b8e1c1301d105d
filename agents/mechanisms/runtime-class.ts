import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { permits } from '../descriptions/application.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';
import { described, named, replacePods, type WorkloadCluster } from './workload-steps.ts';

/** `runtime_class` is the name of a RuntimeClass of the cluster, or "default" for the cluster's own runtime. */
export const runtimeClassCommandSchema = z.strictObject({
  name: z.string(),
  component: z.string(),
  runtime_class: z.string().min(1),
});

const own = 'default';

/** Another container runtime for a component that runs, among the RuntimeClasses of its cluster. */
export class RuntimeClassMechanism implements Mechanism {
  readonly name = 'runtimeClass';
  readonly #cluster: WorkloadCluster;
  readonly #clock: Clock;

  constructor(cluster: WorkloadCluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /** Why there is nothing to choose from; undefined when there is. */
  get absent(): string | undefined {
    const classes = this.#cluster.workloads.runtimeClasses();
    if (classes === undefined) return 'the RuntimeClasses of this cluster cannot be read';
    return classes.length > 0 ? undefined : 'this cluster has no RuntimeClasses';
  }

  state(): Json {
    return this.#cluster.workloads
      .views()
      .map(({ application, component, runtimeClass }) => ({ application, component, runtime_class: runtimeClass ?? own }));
  }

  options(): Json {
    const { absent } = this;
    if (absent !== undefined) return { absent };
    const classes = [own, ...(this.#cluster.workloads.runtimeClasses() ?? [])];
    return this.#cluster.workloads.views().map(({ application, component }) => {
      const found = described(this.#cluster, application, component);
      const permitted = found !== undefined && permits(found.application, 'change_container_runtime_class');
      return { application, component, permitted, runtime_classes: classes };
    });
  }

  touches(command: unknown): string[] {
    const { name, component } = runtimeClassCommandSchema.parse(command);
    return [`${name}/${component}`];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const { name, component, runtime_class: wanted } = runtimeClassCommandSchema.parse(command);
    const { view } = named(this.#cluster, name, component, 'change_container_runtime_class');
    const classes = this.#cluster.workloads.runtimeClasses() ?? [];
    // Going back to the cluster's own runtime needs no class.
    if (wanted !== own && !classes.includes(wanted))
      throw new MechanismError(this.absent ?? `there is no RuntimeClass "${wanted}"; there are ${classes.join(', ')}`);
    const runtimeClass = wanted === own ? null : wanted;
    if (runtimeClass === view.runtimeClass && !plan.resumed)
      throw new MechanismError(`${component} has the runtime class ${wanted} already`);
    const former = view.runtimeClass ?? own;
    const titles = {
      change: `Change the runtime class of ${component} from ${former} to ${wanted}`,
      putBack: `Put the runtime class ${former} of ${component} back`,
    };
    await replacePods(plan, { cluster: this.#cluster, clock: this.#clock }, view, titles, () =>
      this.#cluster.workloads.change(name, component, { runtimeClass }, plan.planId),
    );
  }
}
