import { z } from 'zod';
import { add, constant, maximum, multiply, subtract } from '../decision/expression.ts';
import { permits } from '../descriptions/application.ts';
import { latencyElsewhere, loadOf, moveProposal, type Placed, placedFor, placedIn, qosTerm } from './moving.ts';
import type { Policy, PolicyFactory, PolicyInput, Proposal, Trigger } from './policy.ts';
import { PremiseBook } from './premise-book.ts';
import type { ClusterSituation } from './situation.ts';

const settingsSchema = z.strictObject({
  /** Load from which on a node has too much, 0–1, and for how long it must have had it. */
  high: z.number().min(0).max(1).default(0.8),
  holdS: z.number().min(0).default(15),
  /** What the load of the busier of both nodes must fall by. */
  margin: z.number().min(0).default(0.15),
  moveCost: z.number().min(0).default(0.05),
  coolDownS: z.number().min(0).default(180),
  horizonS: z.number().positive().default(60),
});

/** Rebalancing: while a node has had too much to do for a while, the component that uses most of it goes where the busier of both nodes is least busy. */
class DynamicPlacement implements Policy<ClusterSituation> {
  readonly name = 'dynamic-placement';
  readonly version = '1';
  readonly #settings: z.infer<typeof settingsSchema>;

  constructor(settings: z.infer<typeof settingsSchema>) {
    this.#settings = settings;
  }

  analyze(input: PolicyInput<ClusterSituation>): Trigger[] {
    const { view, window, now } = input;
    const { high, holdS } = this.#settings;
    return view.nodes.flatMap(({ name }): Trigger[] => {
      const points = window.points(loadOf(name), now - holdS * 1000);
      const last = points.at(-1);
      // Over all of the time, and told until now.
      if (!last || now - last.time > 5000 || points[0]!.time > now - 1000 * Math.max(holdS - 3, 0)) return [];
      if (points.some(({ value }) => value < high)) return [];
      const [biggest] = placedIn(view)
        .filter(({ from, application }) => from === name && permits(application, 'component_relocation'))
        .map((placed) => ({ placed, cores: coresOf(input, placed) }))
        .sort((a, b) => b.cores - a.cores);
      if (!biggest || biggest.cores === 0) return [];
      const { application, component } = biggest.placed;
      const text = `${name} has been busy for more than ${Math.round(100 * high)} % for ${holdS} s, most of it with ${component.metadata.name}`;
      return [{ kind: 'node-overloaded', text, application: application.name, component: component.metadata.name }];
    });
  }

  plan(input: PolicyInput<ClusterSituation>, trigger: Trigger): Proposal | undefined {
    const { view, window, now } = input;
    const placed = placedFor(view, trigger);
    const here = view.nodes.find(({ name }) => name === placed?.from);
    if (!placed || !here) return undefined;
    const book = new PremiseBook(window, now);
    const name = placed.component.metadata.name;
    const hereLoad = book.reading(`load:${here.name}`, `Load of ${here.name}`, loadOf(here.name), { range: [0, 1] });
    const cores = book.fact(
      'cores',
      `Cores that ${name} uses`,
      coresOf(input, placed),
      'cores',
      `component_cpu_cores of ${name}`,
      [0, here.cores],
    );
    if (!hereLoad) return undefined;
    const latency = latencyElsewhere(input, placed, book);
    const share = multiply(1 / Math.max(here.cores, 1), cores);
    const { moveCost, margin, coolDownS, horizonS } = this.#settings;
    return moveProposal(
      input,
      placed,
      book,
      (node, isHere) => {
        const there = isHere
          ? hereLoad
          : book.reading(`load:${node.name}`, `Load of ${node.name}`, loadOf(node.name), { range: [0, 1] });
        // A node that says nothing of its load is taken for a busy one.
        const busier = isHere
          ? hereLoad
          : maximum(subtract(hereLoad, share), there ? add(there, multiply(1 / Math.max(node.cores, 1), cores)) : 1);
        return {
          predicted: [{ metric: 'cpu_used_ratio', unit: '', deviation: 0.05, expression: busier }],
          terms: [
            { name: 'Load of the busier', expression: multiply(-1, busier) },
            ...(latency ? [{ name: 'QoS', expression: qosTerm(latency.at(node.name), latency.target) }] : []),
            { name: 'Move', expression: constant(isHere ? 0 : -moveCost) },
          ],
        };
      },
      { margin, coolDownS, horizonS },
    );
  }
}

const coresOf = ({ window, now }: PolicyInput<ClusterSituation>, { application, component, from }: Placed): number =>
  window.usual(
    { metric: 'component_cpu_cores', node: from, application: application.name, component: component.metadata.name },
    now - 15_000,
  ) ?? 0;

export const dynamicPlacement: PolicyFactory<ClusterSituation> = {
  name: 'dynamic-placement',
  summary: 'Moves the largest component from a node that has been busy for a while to where both nodes are least busy',
  settings: settingsSchema,
  create: (settings) => new DynamicPlacement(settingsSchema.parse(settings)),
};
