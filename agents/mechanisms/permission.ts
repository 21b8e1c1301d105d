import type { ApplicationAction } from '../descriptions/application.ts';
import type { NodeDescription } from '../descriptions/node.ts';
import type { TrackedComponent } from '../host/signals.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';

type NodeAction = NonNullable<NodeDescription['permitted_actions']>[number];

/** Whether a node's description allows `action`. One without `permitted_actions` restricts nothing: its owner has the agent run there. */
export const nodePermits = (node: NodeDescription | undefined, action: NodeAction): boolean =>
  node?.permitted_actions?.some((permitted) => permitted === action || permitted === '*') ?? true;

/** Why no image of what runs on a node may be changed, by the node's description; undefined where it may. */
export const imagePermission = (node: string, description: NodeDescription | undefined): string | undefined =>
  nodePermits(description, 'change_container_image')
    ? undefined
    : `the description of ${node} does not permit change_container_image`;

/**
 * The pods on this node of an application, or of one of its components, all of which must permit `action`.
 * @throws MechanismError when none runs here, or its application does not permit it (one that names no permitted actions permits none)
 */
export function permittedPods(
  components: readonly TrackedComponent[],
  wanted: { application: string; component?: string | undefined },
  action: ApplicationAction,
): TrackedComponent[] {
  const { application, component } = wanted;
  const found = components.filter(
    (one) => one.application === application && (component === undefined || one.component === component),
  );
  const what = component === undefined ? application : `${application}/${component}`;
  if (found.length === 0) throw new MechanismError(`${what} does not run on this node`);
  if (!found.every(({ permittedActions }) => permittedActions?.some((permitted) => permitted === action || permitted === '*')))
    throw new MechanismError(`${application} does not permit ${action}`);
  return found;
}

/** A mechanism that the node's description forbids: absent, and refused. */
export class ForbiddenMechanism implements Mechanism {
  readonly name: string;
  readonly absent: string;
  readonly #touches: (command: unknown) => string[];

  constructor(mechanism: Mechanism, action: NodeAction) {
    this.name = mechanism.name;
    this.absent = `the node's description does not permit ${action}`;
    this.#touches = (command) => mechanism.touches(command);
  }

  state(): Json {
    return [];
  }

  options(): Json {
    return { absent: this.absent };
  }

  touches(command: unknown): string[] {
    return this.#touches(command);
  }

  async apply(_command: unknown, _plan: PlanSteps): Promise<void> {
    throw new MechanismError(this.absent);
  }
}
