import { z } from 'zod';
import { constant, divide, multiply, premise } from '../decision/expression.ts';
import { permits } from '../descriptions/application.ts';
import { trustNeeded } from './capabilities.ts';
import { loadOf, moveProposal, placedFor, placedIn } from './moving.ts';
import type { Policy, PolicyFactory, PolicyInput, Proposal, Trigger } from './policy.ts';
import { PremiseBook } from './premise-book.ts';
import type { ClusterSituation } from './situation.ts';
import { trustIndexes } from './trust.ts';

const settingsSchema = z.strictObject({
  /** Levels sway: one must be below what is needed by so much before anything is moved for it. */
  tolerance: z.number().min(0).max(1).default(0.05),
  loadWeight: z.number().min(0).default(0.2),
  moveCost: z.number().min(0).default(0.05),
  margin: z.number().min(0).default(0.05),
  coolDownS: z.number().min(0).default(300),
  horizonS: z.number().positive().default(60),
});

/** Moves components whose data matter away from nodes that are not trusted with them (any more), to the most trusted that has room. */
class TrustPlacement implements Policy<ClusterSituation> {
  readonly name = 'trust-placement';
  readonly version = '1';
  readonly #settings: z.infer<typeof settingsSchema>;

  constructor(settings: z.infer<typeof settingsSchema>) {
    this.#settings = settings;
  }

  analyze({ view }: PolicyInput<ClusterSituation>): Trigger[] {
    return placedIn(view).flatMap(({ application, component, from }): Trigger[] => {
      const level = view.nodes.find(({ name }) => name === from)?.trustLevel;
      const needed = trustNeeded(component);
      if (level === undefined || level >= needed - this.#settings.tolerance || !permits(application, 'component_relocation'))
        return [];
      const { name } = component.metadata;
      const text = `data of ${name} need a trust level of ${needed}, ${from} has ${level.toFixed(2)}`;
      return [{ kind: 'not-trusted', text, application: application.name, component: name }];
    });
  }

  plan(input: PolicyInput<ClusterSituation>, trigger: Trigger): Proposal | undefined {
    const { view, window, now } = input;
    const placed = placedFor(view, trigger);
    if (!placed) return undefined;
    const { loadWeight, moveCost, ...rules } = this.#settings;
    const book = new PremiseBook(window, now);
    return moveProposal(
      input,
      placed,
      book,
      (node, isHere) => {
        const { trust } = node;
        const total = trust ? trustIndexes.reduce((sum, index) => sum + trust.weights[index], 0) : 0;
        const terms = trustIndexes.flatMap((index) => {
          // A node that nobody assesses is neither more nor less than half trusted.
          if (!trust || total === 0) return [];
          const id = `${index}:${node.name}`;
          book.fact(id, `${word[index]} of ${node.name}`, trust[index], '', trust.reasons[index], [0, 1]);
          return [{ name: word[index], expression: divide(multiply(trust.weights[index], premise(id)), total) }];
        });
        const load = book.reading(`load:${node.name}`, `Load of ${node.name}`, loadOf(node.name), { range: [0, 1] });
        return {
          predicted: [],
          terms: [
            ...(terms.length > 0 ? terms : [{ name: 'Not assessed', expression: constant(0.5) }]),
            ...(load ? [{ name: 'Load', expression: multiply(-loadWeight, load) }] : []),
            { name: 'Move', expression: constant(isHere ? 0 : -moveCost) },
          ],
        };
      },
      rules,
    );
  }
}

const word = { identity: 'Identity', behaviour: 'Behaviour', capability: 'Capability' } as const;

export const trustPlacement: PolicyFactory<ClusterSituation> = {
  name: 'trust-placement',
  summary: 'Moves components whose data matter away from nodes that are not trusted with them, to the most trusted that has room',
  settings: settingsSchema,
  create: (settings) => new TrustPlacement(settingsSchema.parse(settings)),
};
