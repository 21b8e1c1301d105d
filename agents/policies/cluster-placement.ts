import { z } from 'zod';
import { constant, multiply, premise } from '../decision/expression.ts';
import type { ApplicationDescription } from '../descriptions/application.ts';
import type { Option, Policy, PolicyFactory, PolicyInput, Proposal, Trigger } from './policy.ts';
import type { Rejection } from './rejection.ts';
import type { ContinuumSituation } from './situation.ts';

const settingsSchema = z.strictObject({
  /** What each application that is already there costs a cluster; small, so that running anywhere beats not running. */
  crowdWeight: z.number().min(0).max(0.05).default(0.02),
  horizonS: z.number().positive().default(30),
});
const mostCounted = 20;

/** First placement of each application: on a ready member cluster that its description allows, the emptiest first. */
class ClusterPlacement implements Policy<ContinuumSituation> {
  readonly name = 'cluster-placement';
  readonly version = '1';
  readonly #settings: z.infer<typeof settingsSchema>;

  constructor(settings: z.infer<typeof settingsSchema>) {
    this.#settings = settings;
  }

  analyze({ view }: PolicyInput<ContinuumSituation>): Trigger[] {
    return view.applications
      .filter(({ clusters }) => clusters.length === 0)
      .map(({ description }) => ({
        kind: 'unplaced',
        text: `${description.name} is on no cluster yet`,
        application: description.name,
      }));
  }

  plan({ view, now }: PolicyInput<ContinuumSituation>, trigger: Trigger): Proposal | undefined {
    const application = view.applications.find(({ description }) => description.name === trigger.application);
    if (!application) return undefined;
    const { name } = application.description;
    const members = view.members.toSorted((a, b) => a.name.localeCompare(b.name));
    const premises = members.map((member) => {
      const placed = Math.min(view.applications.filter(({ clusters }) => clusters.includes(member.name)).length, mostCounted);
      return {
        id: `applications:${member.name}`,
        name: `Applications on ${member.name}`,
        value: placed,
        unit: '',
        at: now,
        source: 'PropagationPolicies in the Karmada API',
        usual: placed,
        range: [0, mostCounted] as [number, number],
      };
    });
    const options = members.map((member): Option => {
      const rejected = rejectionOf(application.description, member);
      return {
        id: `on:${member.name}`,
        label: `Place on ${member.name}`,
        action: { kind: 'placeOnCluster', component: name, cluster: member.name },
        ...(rejected && { rejected }),
        predicted: [],
        terms: rejected
          ? []
          : [
              { name: 'Service', expression: constant(1) },
              {
                name: 'Applications',
                expression: multiply(-this.#settings.crowdWeight, premise(`applications:${member.name}`)),
              },
            ],
      };
    });
    return {
      premises,
      options: [
        {
          id: 'stay',
          label: 'Leave it without a cluster',
          action: { kind: 'stay' },
          predicted: [],
          terms: [{ name: 'Service', expression: constant(0) }],
        },
        ...options,
      ],
      stay: 'stay',
      neededMargin: 0,
      coolDownS: 0,
      horizonS: this.#settings.horizonS,
      commands: (option) => {
        const cluster = option.action.kind === 'placeOnCluster' ? option.action.cluster : '';
        const action = Object.fromEntries(application.description.components.map(({ metadata }) => [metadata.name, cluster]));
        return [{ mechanism: 'clusterPlacement', command: { name, action } }];
      },
      readings: {},
    };
  }
}

function rejectionOf(application: ApplicationDescription, member: ContinuumSituation['members'][number]): Rejection | undefined {
  const wanted = application.cluster_placement;
  if (!member.ready) return { rule: 'not-ready', reason: `${member.name} is not ready: ${member.reason ?? 'unknown'}` };
  if (member.agentAlive === false) return { rule: 'heartbeat', reason: `the agent of ${member.name} is silent` };
  const ids = wanted?.cluster_id?.filter((id) => id !== '*') ?? [];
  if (ids.length > 0 && !ids.includes(member.name))
    return { rule: 'cluster_placement.cluster_id', reason: `${application.name} must be on ${ids.join(' or ')}` };
  const providers: string[] = wanted?.cloud_provider ?? [];
  if (member.provider && providers.length > 0 && !providers.includes(member.provider))
    return { rule: 'cluster_placement.cloud_provider', reason: `${member.name} is at ${member.provider}` };
  return undefined;
}

export const clusterPlacement: PolicyFactory<ContinuumSituation> = {
  name: 'cluster-placement',
  summary: 'Places each application on a cluster that its description allows, the emptiest first',
  settings: settingsSchema,
  create: (settings) => new ClusterPlacement(settingsSchema.parse(settings)),
};
