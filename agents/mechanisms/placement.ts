import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { type ApplicationDescription, type ComponentDescription, componentSchema, permits } from '../descriptions/application.ts';
import type { NodeDescription } from '../descriptions/node.ts';
import type { ClusterOrchestrator, ComponentView } from '../orchestration/orchestrator.ts';
import type { PodView } from '../orchestration/pod-view.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';
import { imagePermission } from './permission.ts';
import { specDifferences } from './spec-change.ts';
import { waitUntil } from './steps.ts';

const hostActionSchema = z.discriminatedUnion('action', [
  z.object({ action: z.literal('deploy'), host: z.string() }),
  z.object({ action: z.literal('remove'), host: z.string() }),
  z.object({ action: z.literal('move'), src_host: z.string(), target_host: z.string() }),
  z.object({ action: z.literal('change_spec'), new_spec: componentSchema, host: z.string().optional() }),
]);
type HostAction = z.infer<typeof hostActionSchema>;

/** The framework's fluidity command: per component, what to do on which host. */
export const placementCommandSchema = z.object({
  name: z.string(),
  deployment_plan: z.object({ initial_plan: z.boolean().default(false) }).catchall(z.array(hostActionSchema)),
});

/** Pulling an image over a slow link takes this long at worst. */
const startTimeoutMs = 120_000;
const endTimeoutMs = 60_000;
/** Reasons that do not heal by waiting; a pod that has them is given up on. */
const hopeless = /^(ErrImageNeverPull|InvalidImageName|CreateContainerConfigError|CreateContainerError)/;

/** What else tells whether a component may be changed. */
export interface PlacementRules {
  /** Whether its description keeps a component off the node that it is on: what a description asks for needs no permission. */
  isMisfit: (application: ApplicationDescription, component: ComponentDescription, node: string) => boolean;
  /** What a node's agent says that its host is. */
  descriptionOf: (node: string) => NodeDescription | undefined;
}
const noRules: PlacementRules = { isMisfit: () => false, descriptionOf: () => undefined };

/** Placement of components on nodes, named as in the framework: deploy, remove, and move with the new pod up before the old one goes; and change_spec. */
export class PlacementMechanism implements Mechanism {
  readonly name = 'fluidity';
  readonly #orchestrator: ClusterOrchestrator;
  readonly #clock: Clock;
  readonly #rules: PlacementRules;

  constructor(orchestrator: ClusterOrchestrator, clock: Clock, rules: PlacementRules = noRules) {
    this.#orchestrator = orchestrator;
    this.#clock = clock;
    this.#rules = rules;
  }

  state(): Json {
    return this.#orchestrator.components().map(({ application, component, pin }) => ({ application, component, host: pin }));
  }

  options(): Json {
    return { actions: ['deploy', 'remove', 'move', 'change_spec'], hosts: this.#orchestrator.nodes().map(({ name }) => name) };
  }

  touches(command: unknown): string[] {
    const parsed = placementCommandSchema.parse(command);
    return actionsOf(parsed).map(([component]) => `${parsed.name}/${component}`);
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const parsed = placementCommandSchema.parse(command);
    for (const [component, actions] of actionsOf(parsed))
      for (const action of actions) await this.#act(plan, parsed.name, component, action);
  }

  async #act(plan: PlanSteps, application: string, component: string, action: HostAction): Promise<void> {
    switch (action.action) {
      case 'deploy': {
        const described = this.#orchestrator.applications().find(({ description }) => description.name === application);
        if (!described) throw new MechanismError(`there is no application "${application}" in this cluster`);
        await plan.run(`Create ${component} on ${action.host}`, () =>
          this.#orchestrator.deploy(described, component, action.host, plan.planId),
        );
        // Left in place when it does not start: what is wrong shows in its state, and removing it would only have it made again.
        return plan.run(`Start ${component} on ${action.host}`, () => this.#started(application, component, action.host));
      }
      case 'remove':
        await plan.run(`Remove ${component} from ${action.host}`, () => this.#orchestrator.remove(application, component));
        return plan.run(`Wait until ${component} has ended`, () => this.#ended(application, component, () => true));
      case 'move':
        // What was begun was permitted then; half of a move is worse than all of it.
        if (!plan.resumed) this.#permitMove(application, component, action.src_host);
        await plan.run(
          `Pin ${component} to ${action.target_host}`,
          () => this.#orchestrator.pin(application, component, action.target_host, plan.planId),
          {
            title: `Pin ${component} back to ${action.src_host}`,
            run: () => this.#orchestrator.pin(application, component, action.src_host, plan.planId),
          },
        );
        await plan.run(`Start ${component} on ${action.target_host}`, () =>
          this.#started(application, component, action.target_host),
        );
        plan.keep();
        return plan.run(`End ${component} on ${action.src_host}`, () =>
          this.#ended(application, component, (pod) => pod.node === action.src_host),
        );
      case 'change_spec': {
        if (!plan.resumed) this.#permitSpec(application, action.new_spec);
        let putBack = (): Promise<void> => Promise.resolve();
        await plan.run(
          `Change ${component}`,
          async () => {
            putBack = await this.#orchestrator.respec(application, action.new_spec, plan.planId);
          },
          { title: `Put ${component} back as it was`, run: () => putBack() },
        );
        await plan.run(`Start ${component} as it is now`, () => this.#replaced(application, component, plan.planId));
        plan.keep();
        return plan.run(`End ${component} as it was`, () =>
          this.#ended(application, component, (pod) => pod.planUid !== plan.planId),
        );
      }
    }
  }

  #described(application: string, component: string): { is: ComponentDescription; of: ApplicationDescription } {
    const of = this.#orchestrator.applications().find(({ description }) => description.name === application)?.description;
    const is = of?.components.find(({ metadata }) => metadata.name === component);
    if (!of || !is) throw new MechanismError(`${component} of ${application} is not described in this cluster`);
    return { is, of };
  }

  /**
   * Away from a node that is lost, or that its description rules out, a component may go at any time (from one that is not ready, unless permitted actions are named).
   * @throws MechanismError
   */
  #permitMove(application: string, component: string, from: string): void {
    const { is, of } = this.#described(application, component);
    if (permits(of, 'component_relocation') || this.#rules.isMisfit(of, is, from)) return;
    const node = this.#orchestrator.nodes().find(({ name }) => name === from);
    if (!node || (!node.ready && of.permitted_actions === undefined)) return;
    throw new MechanismError(`${application} does not permit component_relocation`);
  }

  /** @throws MechanismError */
  #permitSpec(application: string, spec: ComponentDescription): void {
    const { is, of } = this.#described(application, spec.metadata.name);
    const pin = this.#find(application, spec.metadata.name)?.pin;
    for (const { text, action } of specDifferences(is, spec)) {
      if (action === null) throw new MechanismError(`${text} cannot be changed while it runs`);
      if (!permits(of, action)) throw new MechanismError(`${application} does not permit ${action} (${text})`);
      const refusal = action === 'change_container_image' && pin && imagePermission(pin, this.#rules.descriptionOf(pin));
      if (refusal) throw new MechanismError(refusal);
    }
  }

  #find(application: string, component: string): ComponentView | undefined {
    return this.#orchestrator.components().find((view) => view.application === application && view.component === component);
  }

  #started(application: string, component: string, host: string): Promise<void> {
    const podsThere = (): PodView[] => {
      const view = this.#find(application, component);
      return view && view.pin === host ? view.pods.filter((pod) => pod.node === host && !pod.leaving) : [];
    };
    // Who removes it, or wants it elsewhere, ends the wait: nothing will start here any more.
    let wasWanted = false;
    const notWanted = (): string | undefined => {
      const view = this.#find(application, component);
      const isWanted = view?.pin === host;
      if (!isWanted && wasWanted) return view ? `it is to be on ${view.pin ?? 'any node'} meanwhile` : 'it was removed meanwhile';
      wasWanted = isWanted;
      return undefined;
    };
    return waitUntil({
      what: `${component} does not start on ${host}`,
      isTrue: () => readyOf(podsThere()) >= (this.#find(application, component)?.replicas ?? 1),
      failed: () => notWanted() ?? hopelessOf(podsThere()),
      onChange: (listener) => this.#orchestrator.onChange(listener),
      clock: this.#clock,
      timeoutMs: startTimeoutMs,
    });
  }

  #replaced(application: string, component: string, planId: string): Promise<void> {
    const fresh = () => (this.#find(application, component)?.pods ?? []).filter((pod) => pod.planUid === planId && !pod.leaving);
    return waitUntil({
      what: `${component} does not start`,
      isTrue: () => readyOf(fresh()) >= (this.#find(application, component)?.replicas ?? 1),
      failed: () => hopelessOf(fresh()),
      onChange: (listener) => this.#orchestrator.onChange(listener),
      clock: this.#clock,
      timeoutMs: startTimeoutMs,
    });
  }

  /** A pod that is to end on a node that is lost is not waited for: Kubernetes keeps it as leaving until that node is back, or is removed. */
  #ended(application: string, component: string, concerns: (pod: PodView) => boolean): Promise<void> {
    const isLost = (node: string | null) => !this.#orchestrator.nodes().some(({ name, ready }) => name === node && ready);
    const isThere = (pod: PodView) => concerns(pod) && !(pod.leaving && isLost(pod.node));
    return waitUntil({
      what: `${component} does not end`,
      isTrue: () => !(this.#find(application, component)?.pods.some(isThere) ?? false),
      onChange: (listener) => this.#orchestrator.onChange(listener),
      clock: this.#clock,
      timeoutMs: endTimeoutMs,
    });
  }
}

const readyOf = (pods: readonly PodView[]): number => pods.filter(({ ready }) => ready).length;
const hopelessOf = (pods: readonly PodView[]): string | undefined =>
  pods.find(({ reason }) => reason && hopeless.test(reason))?.reason;

/** What a command asks of each component, in its order. */
export const actionsOf = (command: z.infer<typeof placementCommandSchema>): [component: string, actions: HostAction[]][] =>
  Object.entries(command.deployment_plan).flatMap(([component, actions]) =>
    Array.isArray(actions) ? [[component, actions]] : [],
  );
