import { atLeastZero, divide, type Expression, multiply, premise, subtract } from '../decision/expression.ts';
import { type ApplicationDescription, type ComponentDescription, permits } from '../descriptions/application.ts';
import { unitOf } from '../descriptions/common.ts';
import type { ComponentView } from '../orchestration/orchestrator.ts';
import { placementCommand } from './commands.ts';
import { rejectionOf } from './constraints.ts';
import { type Subject, speedIn, subjectsOf } from './latency-subjects.ts';
import type { Option, PolicyInput, Proposal, Trigger } from './policy.ts';
import type { PremiseBook } from './premise-book.ts';
import type { ClusterSituation, NodeSituation } from './situation.ts';

/** A component that runs, with what describes it. */
export interface Placed {
  application: ApplicationDescription;
  component: ComponentDescription;
  view: ComponentView;
  /** Node that it is pinned to. */
  from: string;
}

/** All described components that are on a node. */
export const placedIn = (view: ClusterSituation): Placed[] =>
  view.components.flatMap((one): Placed[] => {
    const application = view.applications.find(({ description }) => description.name === one.application)?.description;
    const component = application?.components.find(({ metadata }) => metadata.name === one.component);
    return application && component && one.pin !== null ? [{ application, component, view: one, from: one.pin }] : [];
  });

export const placedFor = (view: ClusterSituation, trigger: Trigger): Placed | undefined =>
  placedIn(view).find(
    ({ application, component }) => application.name === trigger.application && component.metadata.name === trigger.component,
  );

export const loadOf = (node: string) => ({ metric: 'cpu_used_ratio', node, component: '' });

/**
 * What staying and every other node are worth for a component: `score` is asked for each node that may be, and what may not be is ruled out with its
 * reason. Moving takes the application's permission.
 */
export function moveProposal(
  { view, now }: PolicyInput<ClusterSituation>,
  { application, component, from }: Placed,
  book: PremiseBook,
  score: (node: NodeSituation, isHere: boolean) => Pick<Option, 'terms' | 'predicted'>,
  rules: { margin: number; coolDownS: number; horizonS: number; outcome?: Proposal['outcome'] },
): Proposal {
  const name = component.metadata.name;
  const options = view.nodes
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map((node): Option => {
      const isHere = node.name === from;
      const about = isHere
        ? { id: 'stay', label: `Stay on ${from}`, action: { kind: 'stay' as const, component: name, host: from } }
        : {
            id: `to:${node.name}`,
            label: `Move to ${node.name}`,
            action: { kind: 'move' as const, component: name, from, to: node.name },
          };
      const rejected = isHere
        ? undefined
        : (rejectionOf(node, application, component, view, now) ??
          (permits(application, 'component_relocation')
            ? undefined
            : { rule: 'permitted_actions', reason: `${application.name} does not permit component_relocation` }));
      return rejected ? { ...about, rejected, terms: [], predicted: [] } : { ...about, ...score(node, isHere) };
    });
  return {
    premises: book.premises,
    readings: book.readings,
    options,
    stay: 'stay',
    neededMargin: rules.margin,
    coolDownS: rules.coolDownS,
    horizonS: rules.horizonS,
    commands: ({ action }) =>
      action.kind === 'move'
        ? [placementCommand(application.name, name, { action: 'move', src_host: from, target_host: action.to })]
        : [],
    ...(rules.outcome && { outcome: rules.outcome }),
  };
}

/** Share of the target that a latency is over it, negative: 0 within the target, −1 at twice the target. */
export const qosTerm = (latency: Expression, target: Expression): Expression =>
  multiply(-1, divide(atLeastZero(subtract(latency, target)), target));

/** What a latency here would be elsewhere, by the speeds of the nodes alone: the rule of thumb of policies that are about something else. */
export function latencyElsewhere(
  { view, window }: PolicyInput<ClusterSituation>,
  { application, component, from }: Placed,
  book: PremiseBook,
): { subject: Subject; at: (node: string) => Expression; target: Expression } | undefined {
  const subject = subjectsOf(view, window, '').find(
    (one) => one.application.name === application.name && one.component.metadata.name === component.metadata.name,
  );
  if (!subject) return undefined;
  const latency = book.reading('latency', `Latency of ${component.metadata.name}`, subject.latency, {
    range: [0, 10 * subject.target],
  });
  if (!latency) return undefined;
  const source = `qos_metrics of ${component.metadata.name} in the description of ${application.name}`;
  const target = book.fact('target', 'Target', subject.target, unitOf(subject.metric), source);
  const speedOf = speedIn(view);
  return { subject, target, at: (node) => multiply(speedOf(from) / speedOf(node), premise('latency')) };
}
