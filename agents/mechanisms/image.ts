import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { permits } from '../descriptions/application.ts';
import type { NodeDescription } from '../descriptions/node.ts';
import type { WorkloadView } from '../orchestration/workloads.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';
import { imagePermission } from './permission.ts';
import { containerIn, described, named, replacePods, type WorkloadCluster } from './workload-steps.ts';

/** `container` may be left out where there is one. */
export const imageCommandSchema = z.strictObject({
  name: z.string(),
  component: z.string(),
  container: z.string().optional(),
  image: z.string().min(1),
});

export interface ImageCluster extends WorkloadCluster {
  /** What a node's agent says that its host is; undefined where it has said nothing. */
  descriptionOf: (node: string) => NodeDescription | undefined;
}

/** Another container image for a component that runs: the new pod becomes ready before the old one goes, or the old image is put back. */
export class ImageMechanism implements Mechanism {
  readonly name = 'image';
  readonly #cluster: ImageCluster;
  readonly #clock: Clock;

  constructor(cluster: ImageCluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  state(): Json {
    return this.#cluster.workloads.views().map(({ application, component, containers }) => ({
      application,
      component,
      containers: containers.map(({ name, image }) => ({ name, image })),
    }));
  }

  options(): Json {
    return this.#cluster.workloads.views().map((view) => {
      const { application, component, containers } = view;
      const found = described(this.#cluster, application, component);
      const reason = this.#refusal(view);
      const permitted = found !== undefined && permits(found.application, 'change_container_image') && reason === undefined;
      // Which images there are is a registry's to say: any may be asked for, and one that cannot be pulled is taken back.
      const names = containers.map(({ name }) => name);
      return { application, component, permitted, ...(reason && { reason }), containers: names, image: 'any reference' };
    });
  }

  touches(command: unknown): string[] {
    const { name, component } = imageCommandSchema.parse(command);
    return [`${name}/${component}`];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const { name, component, container, image } = imageCommandSchema.parse(command);
    const { view } = named(this.#cluster, name, component, 'change_container_image');
    const refusal = this.#refusal(view);
    if (refusal !== undefined) throw new MechanismError(refusal);
    const former = containerIn(view, container);
    if (former.image === image && !plan.resumed) throw new MechanismError(`${component} has the image ${image} already`);
    const titles = {
      change: `Change the image of ${component} from ${former.image} to ${image}`,
      putBack: `Put the image ${former.image} of ${component} back`,
    };
    await replacePods(plan, { cluster: this.#cluster, clock: this.#clock }, view, titles, () =>
      this.#cluster.workloads.change(name, component, { containers: [{ name: former.name, image }] }, plan.planId),
    );
  }

  #refusal({ node }: WorkloadView): string | undefined {
    return node === null ? undefined : imagePermission(node, this.#cluster.descriptionOf(node));
  }
}
