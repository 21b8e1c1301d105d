import { z } from 'zod';
import { add, atLeastZero, constant, divide, type Expression, multiply, premise, subtract } from '../../decision/expression.ts';
import { permits } from '../../descriptions/application.ts';
import type { LearntModel } from '../../learning/learnt-model.ts';
import { NodePower, nodePowerStateSchema } from '../../learning/node-power.ts';
import { seededBy } from '../../learning/seeded-by.ts';
import type { Json } from '../../mechanisms/mechanism.ts';
import { rejectionOf } from '../constraints.ts';
import { latencyElsewhere, loadOf, moveProposal, type Placed, placedFor, placedIn, qosTerm } from '../moving.ts';
import type { Policy, PolicyFactory, PolicyInput, Proposal, Trigger } from '../policy.ts';
import { PremiseBook } from '../premise-book.ts';
import type { ClusterSituation, NodeSituation } from '../situation.ts';
import { Resting, restingProposal } from './resting.ts';

const settingsSchema = z.strictObject({
  /** How often the whole is looked at, s. */
  everyS: z.number().min(5).default(60),
  /** Whether nodes without components run at their lowest frequency until one comes. */
  rest: z.boolean().default(true),
  /** Power of a node without components, W, where such a node sleeps; without it, it goes on idling, and only the work's own power counts. */
  sleepW: z.number().min(0).optional(),
  /** Load that no node is to be filled beyond, 0–1. */
  fullest: z.number().min(0.1).max(1).default(0.7),
  /** Share of the power of both nodes that a move must save. */
  margin: z.number().min(0).default(0.03),
  moveCost: z.number().min(0).default(0.01),
  coolDownS: z.number().min(0).default(600),
  horizonS: z.number().positive().default(120),
});
const enoughSamples = 20;
const savedSchema = z.record(z.string(), nodePowerStateSchema);

/**
 * Gathers components on the nodes that do their work with the least power, and empties nodes that can be emptied. Each node's power is learnt from what it
 * tells, as a line over its load or a forest. What an emptied node saves by sleeping counts for each of its components by its share, so that the first one goes too. An empty node runs at its
 * lowest frequency until a component comes, where its agent can set one.
 */
class Consolidation implements Policy<ClusterSituation> {
  readonly name = 'consolidation';
  readonly version = '1';
  readonly #settings: z.infer<typeof settingsSchema>;
  readonly #power = new Map<string, NodePower>();
  readonly #until = new Map<string, number>();
  readonly #resting = new Resting();
  #reviewedAt = Number.NEGATIVE_INFINITY;

  constructor(settings: z.infer<typeof settingsSchema>) {
    this.#settings = settings;
  }

  learn(input: PolicyInput<ClusterSituation>): void {
    const { view, window } = input;
    this.#resting.observe(input);
    for (const { name } of view.nodes) {
      if (this.#resting.rests(name)) continue;
      const [power] = window.latest({ metric: 'power_w', node: name, component: '' });
      const [used] = window.latest(loadOf(name));
      if (!power || !used || power.time !== used.time || power.time === this.#until.get(name)) continue;
      const model = this.#power.get(name) ?? new NodePower(seededBy(name));
      model.learn(used.value, power.value);
      this.#power.set(name, model);
      this.#until.set(name, power.time);
    }
  }

  analyze(input: PolicyInput<ClusterSituation>): Trigger[] {
    const { everyS, rest } = this.#settings;
    // Who has work waits for no review.
    const needed = this.#resting.needed(input, rest);
    if (input.now - this.#reviewedAt < 1000 * everyS) return needed;
    this.#reviewedAt = input.now;
    const placed = placedIn(input.view).filter(({ application }) => permits(application, 'component_relocation'));
    // The emptiest first: it takes least to have it sleep.
    const counts = new Map<string, number>();
    for (const { pin } of input.view.components) if (pin !== null) counts.set(pin, (counts.get(pin) ?? 0) + 1);
    const toMove = placed
      .sort((a, b) => counts.get(a.from)! - counts.get(b.from)!)
      .slice(0, 20)
      .map(({ application, component, from }) => ({
        kind: 'energy-review',
        text: `whether ${component.metadata.name} needs less energy elsewhere than on ${from}`,
        application: application.name,
        component: component.metadata.name,
      }));
    return [...needed, ...toMove, ...(rest ? this.#resting.empty(input) : [])];
  }

  plan(input: PolicyInput<ClusterSituation>, trigger: Trigger): Proposal | undefined {
    const { view, window, now } = input;
    if (trigger.kind === 'node-empty' || trigger.kind === 'node-needed') return this.#planRest(input, trigger);
    const placed = placedFor(view, trigger);
    const here = view.nodes.find(({ name }) => name === placed?.from);
    if (!placed || !here || !this.#isKnown(here.name)) return undefined;
    const { sleepW, fullest, margin, moveCost, coolDownS, horizonS } = this.#settings;
    const book = new PremiseBook(window, now);
    const name = placed.component.metadata.name;
    const query = { metric: 'component_cpu_cores', application: placed.application.name, component: name };
    const cores = book.reading('cores', `Cores that ${name} uses`, query, { range: [0, here.cores], overS: 60 });
    if (!cores) return undefined;
    const latency = latencyElsewhere(input, placed, book);
    const load = (node: string): Expression | undefined =>
      book.reading(`load:${node}`, `Load of ${node}`, loadOf(node), { range: [0, 1], overS: 60 });
    const power = (node: string, at: Expression): Expression => this.#power.get(node)!.at(at);
    const hereLoad = load(here.name);
    if (!hereLoad) return undefined;
    const hereNow = power(here.name, hereLoad);
    const left = atLeastZero(subtract(hereLoad, multiply(1 / Math.max(here.cores, 1), cores)));
    const saved = this.#savedByEmptying(input, placed, here, sleepW);
    return moveProposal(
      input,
      placed,
      book,
      (node, isHere) => {
        const thereLoad = isHere ? hereLoad : load(node.name);
        if (isHere || !thereLoad || !this.#isKnown(node.name))
          return {
            predicted: isHere
              ? [{ metric: 'power_w', unit: 'W', deviation: this.#deviation(here.name), expression: hereNow }]
              : [],
            // Of a node whose power nobody knows nothing can be said: it is no better than staying.
            terms: [{ name: 'Energy', expression: constant(isHere ? 0 : -1) }],
          };
        const speed = here.frequencyGHz && node.frequencyGHz ? here.frequencyGHz / node.frequencyGHz : 1;
        const after = add(thereLoad, multiply(speed / Math.max(node.cores, 1), cores));
        const both = add(hereNow, power(node.name, thereLoad));
        const then = add(power(here.name, left), power(node.name, after));
        return {
          predicted: [
            { metric: 'power_w', unit: 'W', deviation: this.#deviation(here.name), expression: power(here.name, left) },
          ],
          terms: [
            { name: 'Energy', expression: divide(subtract(both, then), both) },
            ...(saved > 0 ? [{ name: `Sleep of ${here.name}`, expression: divide(saved, both) }] : []),
            { name: 'Room', expression: multiply(-5, atLeastZero(subtract(after, fullest))) },
            ...(latency ? [{ name: 'QoS', expression: qosTerm(latency.at(node.name), latency.target) }] : []),
            { name: 'Move', expression: constant(-moveCost) },
          ],
        };
      },
      {
        margin,
        coolDownS,
        horizonS,
        outcome: {
          metric: 'power_w',
          unit: 'W',
          query: { metric: 'power_w', node: here.name, component: '' },
          term: { name: 'Energy', expression: divide(subtract(hereNow, premise('actual')), hereNow) },
        },
      },
    );
  }

  models(): LearntModel[] {
    if (this.#power.size === 0) return [];
    const places = [...this.#power].map(([node, { by, samples, meanError, told }]) => ({
      node,
      by,
      samples,
      meanError,
      ...told,
    }));
    const name = 'power of nodes';
    return [{ key: 'power', name, kind: 'line and forest', unit: 'W', enough: enoughSamples, isForMode1: false, places }];
  }

  state(): Json {
    return Object.fromEntries([...this.#power].map(([node, model]) => [node, model.state()]));
  }

  restore(state: Json): void {
    for (const [node, saved] of Object.entries(savedSchema.parse(state))) {
      const model = new NodePower(seededBy(node));
      model.restore(saved);
      this.#power.set(node, model);
    }
  }

  #planRest(input: PolicyInput<ClusterSituation>, trigger: Trigger): Proposal | undefined {
    const book = new PremiseBook(input.window, input.now);
    const node = trigger.component!;
    const load =
      trigger.kind === 'node-empty' && this.#isKnown(node)
        ? book.reading('load', `Load of ${node}`, loadOf(node), { range: [0, 1], overS: 60 })
        : undefined;
    const model = this.#power.get(node);
    const idleW = Math.max(model?.idleW ?? 0, 1);
    const power = load &&
      model && {
        idleW,
        overIdle: atLeastZero(subtract(model.at(load), idleW)),
        deviation: this.#deviation(node),
      };
    return restingProposal(input, trigger, book, power, this.#settings);
  }

  #isKnown(node: string): boolean {
    return (this.#power.get(node)?.samples ?? 0) >= enoughSamples;
  }

  #deviation(node: string): number {
    return this.#power.get(node)?.deviation(0.5) ?? 0;
  }

  /** W of idling that this component's leaving is worth: its share, where all that is on its node may go somewhere. */
  #savedByEmptying({ view, now }: PolicyInput<ClusterSituation>, { from }: Placed, here: NodeSituation, sleepW?: number): number {
    if (sleepW === undefined) return 0;
    const all = view.components.filter(({ pin }) => pin === from).length;
    const movable = placedIn(view).filter(
      (one) =>
        one.from === from &&
        permits(one.application, 'component_relocation') &&
        view.nodes.some(
          ({ name, ...node }) => name !== from && !rejectionOf({ name, ...node }, one.application, one.component, view, now),
        ),
    ).length;
    if (movable < all) return 0;
    return Math.max((this.#power.get(here.name)?.idleW ?? 0) - sleepW, 0) / Math.max(all, 1);
  }
}

export const consolidation: PolicyFactory<ClusterSituation> = {
  name: 'consolidation',
  summary: 'Gathers components on the nodes that do their work with the least power, and empties nodes that may sleep then',
  settings: settingsSchema,
  create: (settings) => new Consolidation(settingsSchema.parse(settings)),
};
