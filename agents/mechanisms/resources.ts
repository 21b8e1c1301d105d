import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { permits } from '../descriptions/application.ts';
import { quantitySchema } from '../descriptions/common.ts';
import { parseQuantity } from '../descriptions/quantity.ts';
import { OrchestrationError } from '../orchestration/orchestrator.ts';
import type { Amounts, ContainerView, Resources, WorkloadPod, WorkloadView } from '../orchestration/workloads.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';
import { waitUntil } from './steps.ts';
import { containerIn, described, gone, named, replacePods, viewOf, type WorkloadCluster } from './workload-steps.ts';

const amountsSchema = z.strictObject({ cpu: quantitySchema.nullish(), memory: quantitySchema.nullish() });
/** Kubernetes quantities; null takes a bound away, one that is not named stays. `container` may be left out where there is one. */
export const resourcesCommandSchema = z
  .strictObject({
    name: z.string(),
    component: z.string(),
    container: z.string().optional(),
    requests: amountsSchema.optional(),
    limits: amountsSchema.optional(),
  })
  .refine(({ requests, limits }) => requests !== undefined || limits !== undefined, 'give requests or limits');
type Command = z.infer<typeof resourcesCommandSchema>;

/** A node that cannot do it now gets this long to find room; then the former resources are put back. */
const resizeTimeoutMs = 60_000;

/**
 * CPU and memory that a component's container requests, and may use at most: changed in pods that run where the API can (`pods/resize`,
 * Kubernetes 1.33), else by new pods that become ready before the old ones go.
 */
export class ResourcesMechanism implements Mechanism {
  readonly name = 'resources';
  readonly #cluster: WorkloadCluster;
  readonly #clock: Clock;

  constructor(cluster: WorkloadCluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  state(): Json {
    return this.#cluster.workloads.views().map(({ application, component, containers }) => ({
      application,
      component,
      containers: containers.map(({ name, requests, limits }) => ({ name, requests: { ...requests }, limits: { ...limits } })),
    }));
  }

  options(): Json {
    return this.#cluster.workloads.views().map(({ application, component, containers }) => {
      const found = described(this.#cluster, application, component);
      const permitted = found !== undefined && permits(found.application, 'change_container_resource_requirements');
      return { application, component, permitted, containers: containers.map(({ name }) => name), resources: ['cpu', 'memory'] };
    });
  }

  touches(command: unknown): string[] {
    const { name, component } = resourcesCommandSchema.parse(command);
    return [`${name}/${component}`];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const parsed = resourcesCommandSchema.parse(command);
    const { name, component } = parsed;
    const { view } = named(this.#cluster, name, component, 'change_container_resource_requirements');
    const former = containerIn(view, parsed.container);
    const wanted = wantedResources(former, parsed);
    if (isSame(former, wanted) && !plan.resumed) throw new MechanismError(`${component} has these resources already`);
    const change = `from ${show(former)} to ${show(wanted)}`;
    const { workloads } = this.#cluster;
    if ((await workloads.canResize()) && (await this.#resized(plan, view, former, wanted))) return;
    const titles = { change: `Change ${component} ${change}`, putBack: `Put ${component} back to ${show(former)}` };
    await replacePods(plan, { cluster: this.#cluster, clock: this.#clock }, view, titles, () =>
      workloads.change(name, component, { containers: [{ name: former.name, resources: wanted }] }, plan.planId),
    );
  }

  /** False when the API does not take it for pods that run: another quality-of-service class, say, takes new pods. */
  async #resized(plan: PlanSteps, view: WorkloadView, former: ContainerView, wanted: Resources): Promise<boolean> {
    const { application, component } = view;
    const to = ({ requests, limits }: Resources) => [{ name: former.name, requests, limits }];
    const { workloads } = this.#cluster;
    try {
      await plan.run(
        `Resize ${component} in place from ${show(former)} to ${show(wanted)}`,
        () => workloads.resize(application, component, to(wanted), plan.planId),
        {
          title: `Resize ${component} back to ${show(former)}`,
          run: () => workloads.resize(application, component, to(former), plan.planId),
        },
      );
    } catch (error) {
      if (error instanceof OrchestrationError && error.code === 422) return false;
      throw error;
    }
    await plan.run(`Wait until ${component} has it`, () => this.#given(view, former.name, wanted));
    return true;
  }

  #given({ application, component }: WorkloadView, container: string, wanted: Resources): Promise<void> {
    const pods = () => (viewOf(this.#cluster, application, component)?.pods ?? []).filter(({ leaving }) => !leaving);
    const has = ({ given, resize }: WorkloadPod): boolean => {
      const now = given.find(({ name }) => name === container)?.resources;
      return resize === undefined && now !== undefined && now !== null && isSame(asPod(now), asPod(wanted));
    };
    return waitUntil({
      what: `${component} does not get its resources`,
      isTrue: () => pods().length > 0 && pods().every(has),
      failed: () =>
        gone(this.#cluster, application, component) ??
        pods().flatMap(({ resize }) => (resize?.state === 'infeasible' ? `infeasible: ${resize.message}` : []))[0],
      onChange: (listener) => this.#cluster.onChange(listener),
      clock: this.#clock,
      timeoutMs: resizeTimeoutMs,
    });
  }
}

/** @throws MechanismError for what is no quantity, is negative, or a request over its limit */
function wantedResources(former: Resources, { requests, limits }: Command): Resources {
  const merged = (now: Amounts, asked: Command['requests']): Amounts => {
    const amounts: Amounts = { ...now };
    for (const resource of ['cpu', 'memory'] as const) {
      const value = asked?.[resource];
      if (value === null) delete amounts[resource];
      else if (value !== undefined) {
        const amount = parseQuantity(value);
        if (amount === null || amount < 0) throw new MechanismError(`"${value}" is no amount of ${resource}`);
        amounts[resource] = String(value);
      }
    }
    return amounts;
  };
  const wanted = { requests: merged(former.requests, requests), limits: merged(former.limits, limits) };
  for (const resource of ['cpu', 'memory'] as const) {
    const [request, limit] = [wanted.requests[resource], wanted.limits[resource]];
    if (request !== undefined && limit !== undefined && amount(request) > amount(limit))
      throw new MechanismError(`a request of ${request} ${resource} is over the limit of ${limit}`);
  }
  return wanted;
}

/** Of a pod, what is limited and not requested is requested as it is limited: the API's own default. */
const asPod = ({ requests, limits }: Resources): Resources => ({ requests: { ...limits, ...requests }, limits });

const amount = (quantity: string): number => parseQuantity(quantity) ?? Number.NaN;

function isSame(a: Resources, b: Resources): boolean {
  const equal = (one: string | undefined, other: string | undefined): boolean =>
    one === undefined || other === undefined ? one === other : amount(one) === amount(other);
  return (['requests', 'limits'] as const).every(
    (bound) => equal(a[bound].cpu, b[bound].cpu) && equal(a[bound].memory, b[bound].memory),
  );
}

/** "cpu 250m–1, memory 64Mi–" */
const show = ({ requests, limits }: Resources): string =>
  (['cpu', 'memory'] as const)
    .flatMap((resource) =>
      requests[resource] === undefined && limits[resource] === undefined
        ? []
        : `${resource} ${requests[resource] ?? ''}–${limits[resource] ?? ''}`,
    )
    .join(', ') || 'no bounds';
