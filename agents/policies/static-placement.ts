import { z } from 'zod';
import { constant, type Expression, minimum, multiply, premise } from '../decision/expression.ts';
import type { Premise } from '../decision/record.ts';
import { permits } from '../descriptions/application.ts';
import type { DescribedApplication } from '../orchestration/orchestrator.ts';
import { placementCommand } from './commands.ts';
import { misfit, rejectionOf } from './constraints.ts';
import { type LostNode, lostNode, withoutLost } from './lost-node.ts';
import type { Option, Policy, PolicyFactory, PolicyInput, Proposal, Trigger } from './policy.ts';
import type { ClusterSituation } from './situation.ts';

const settingsSchema = z.strictObject({
  /** What a fully loaded node costs, and one on which there is a component per core. Together below 1: running beats not running. */
  loadWeight: z.number().min(0).max(0.6).default(0.5),
  componentsWeight: z.number().min(0).max(0.35).default(0.3),
  horizonS: z.number().positive().default(30),
  /**
   * A node that has not been ready for so long is taken for dead. Longer than links are cut for in practice; Kubernetes itself, which says "not
   * ready" after 40 s of silence, waits for 300 s.
   */
  lostAfterS: z.number().min(0).default(60),
});

/**
 * Placement of each component on a node that its description allows, the least loaded first: when it has none yet, when its description has
 * come to want another one, and when its node has left the cluster or stays dead.
 */
class StaticPlacement implements Policy<ClusterSituation> {
  readonly name = 'static-placement';
  readonly version = '1';
  readonly #settings: z.infer<typeof settingsSchema>;

  constructor(settings: z.infer<typeof settingsSchema>) {
    this.#settings = settings;
  }

  analyze({ view, now }: PolicyInput<ClusterSituation>): Trigger[] {
    return [...this.#unplaced(view), ...misplaced(view, (node) => this.#lost(view, node, now))];
  }

  #lost(view: ClusterSituation, node: string, now: number): LostNode | undefined {
    return lostNode(view, node, now, this.#settings.lostAfterS * 1000);
  }

  #unplaced(view: ClusterSituation): Trigger[] {
    return view.applications.flatMap((application) => {
      const { name, components } = application.description;
      const placed = new Set(view.components.filter((view) => view.application === name).map(({ component }) => component));
      return inOrderOfDependence(application)
        .filter(
          (component) => !placed.has(component) && !components.find((c) => c.metadata.name === component)?.external_component,
        )
        .map((component) => ({
          kind: 'unplaced',
          text: `${component} of ${name} has no node yet`,
          application: name,
          component,
        }));
    });
  }

  plan({ view, window, now }: PolicyInput<ClusterSituation>, trigger: Trigger): Proposal | undefined {
    const application = view.applications.find(({ description }) => description.name === trigger.application);
    const component = application?.description.components.find(({ metadata }) => metadata.name === trigger.component);
    if (!application || !component) return undefined;
    const name = component.metadata.name;
    const { loadWeight, componentsWeight, horizonS } = this.#settings;
    const premises: Premise[] = [];
    const readings: Proposal['readings'] = {};
    const here = pinOf(view, application.description.name, name);
    const lost = here === null ? undefined : this.#lost(view, here, now);
    // What belongs with it and is lost as well must not hold it there.
    const held = withoutLost(view, (node) => this.#lost(view, node, now) !== undefined);
    // A node that is still in the cluster may come back: as long as it does not, moving away is a relocation. One that names no actions forbids none.
    const { description } = application;
    const isForbidden = lost?.isGone === false && description.permitted_actions && !permits(description, 'component_relocation');
    const forbidden = { rule: 'permitted_actions', reason: `${description.name} does not permit component_relocation` };
    const options: Option[] = [
      {
        id: 'stay',
        label: here ? `Stay on ${here}, ${lost?.which ?? 'where it should not be'}` : 'Leave it without a node',
        action: { kind: 'stay', component: name, ...(here && { host: here }) },
        predicted: [],
        terms: [{ name: 'Service', expression: constant(0) }],
      },
    ];
    for (const node of view.nodes.toSorted((a, b) => a.name.localeCompare(b.name))) {
      if (node.name === here) continue;
      const rejected = rejectionOf(node, application.description, component, held, now) ?? (isForbidden ? forbidden : undefined);
      const option: Option = {
        id: `on:${node.name}`,
        label: here ? `Move to ${node.name}` : `Place on ${node.name}`,
        action: here
          ? { kind: 'move', component: name, from: here, to: node.name }
          : { kind: 'deploy', component: name, host: node.name },
        predicted: [],
        terms: [],
      };
      if (rejected) {
        options.push({ ...option, rejected });
        continue;
      }
      const terms: { name: string; expression: Expression }[] = [{ name: 'Service', expression: constant(1) }];
      const query = { metric: 'cpu_used_ratio', node: node.name, component: '' };
      const load = window.latest(query)[0];
      // A node that has not reported yet is judged by what is placed on it alone.
      if (load) {
        const id = `load:${node.name}`;
        readings[id] = query;
        premises.push({
          id,
          name: `Load of ${node.name}`,
          value: load.value,
          unit: '',
          at: load.time,
          source: `cpu_used_ratio of ${node.name}${load.source ? ` (${load.source})` : ''}`,
          usual: window.usual(query) ?? load.value,
          range: [0, 1],
        });
        terms.push({ name: 'Load', expression: multiply(-loadWeight, minimum(premise(id), 1)) });
      }
      const placed = view.components.filter(({ pin }) => pin === node.name).length;
      const id = `placed:${node.name}`;
      premises.push({
        id,
        name: `Components on ${node.name}`,
        value: placed,
        unit: '',
        at: now,
        source: 'Deployments in the Kubernetes API',
        usual: placed,
        range: [0, 32],
      });
      const perCore = 1 / Math.max(node.cores, 1);
      terms.push({ name: 'Components', expression: multiply(-componentsWeight, minimum(multiply(perCore, premise(id)), 1)) });
      options.push({ ...option, terms });
    }
    return {
      premises,
      options,
      stay: 'stay',
      neededMargin: 0,
      coolDownS: 0,
      horizonS,
      commands: ({ action }) => {
        const { name: applicationName } = application.description;
        if (action.kind === 'move')
          return [placementCommand(applicationName, name, { action: 'move', src_host: action.from, target_host: action.to })];
        return action.kind === 'deploy'
          ? [placementCommand(applicationName, name, { action: 'deploy', host: action.host }, true)]
          : [];
      },
      readings,
    };
  }
}

const pinOf = (view: ClusterSituation, application: string, component: string): string | null =>
  view.components.find((one) => one.application === application && one.component === component)?.pin ?? null;

/** Components on a node that is lost, or that their description does not want (any more). What it asks for needs no permission of its own. */
const misplaced = (view: ClusterSituation, lostOf: (node: string) => LostNode | undefined): Trigger[] =>
  view.applications.flatMap(({ description }) =>
    description.components.flatMap((component): Trigger[] => {
      const { name } = component.metadata;
      const pin = pinOf(view, description.name, name);
      if (pin === null) return [];
      const trigger = (what: string): Trigger[] => {
        const text = `${name} of ${description.name} is on ${pin}, ${what}`;
        return [{ kind: 'misplaced', text, application: description.name, component: name }];
      };
      const lost = lostOf(pin);
      if (lost) return trigger(lost.which);
      const node = view.nodes.find((one) => one.name === pin);
      const why = node && misfit(node, description, component, view);
      return why ? trigger(`but ${why.reason}`) : [];
    }),
  );

/** Components after those they depend on; a circle is broken where it is met. */
function inOrderOfDependence({ description }: DescribedApplication): string[] {
  const ordered = new Set<string>();
  const visiting = new Set<string>();
  const visit = (name: string): void => {
    if (ordered.has(name) || visiting.has(name)) return;
    visiting.add(name);
    const component = description.components.find(({ metadata }) => metadata.name === name);
    for (const needed of component?.depends_on ?? []) visit(typeof needed === 'string' ? needed : needed.component_name);
    if (component) ordered.add(name);
  };
  for (const { metadata } of description.components) visit(metadata.name);
  return [...ordered];
}

export const staticPlacement: PolicyFactory<ClusterSituation> = {
  name: 'static-placement',
  summary: 'Places each component once, on a node that its description allows, the least loaded first',
  settings: settingsSchema,
  create: (settings) => new StaticPlacement(settingsSchema.parse(settings)),
};
