import { z } from 'zod';
import { constant, divide, minimum, multiply, subtract } from '../decision/expression.ts';
import { permits } from '../descriptions/application.ts';
import { type Anomaly, AnomalyWatch } from './anomalies.ts';
import { loadOf, moveProposal, placedFor, placedIn } from './moving.ts';
import type { Policy, PolicyFactory, PolicyInput, Proposal, Trigger } from './policy.ts';
import { PremiseBook } from './premise-book.ts';
import type { ClusterSituation } from './situation.ts';

const settingsSchema = z.strictObject({
  threshold: z.number().positive().default(6),
  holdS: z.number().min(0).default(15),
  clearS: z.number().min(1).default(120),
  loadWeight: z.number().min(0).default(0.5),
  moveCost: z.number().min(0).default(0.05),
  margin: z.number().min(0).default(0.1),
  coolDownS: z.number().min(0).default(120),
  horizonS: z.number().positive().default(60),
});

/** Drains a node that misbehaves: while it does, its components go elsewhere, and no policy places anything on it. */
class AnomalyReaction implements Policy<ClusterSituation> {
  readonly name = 'anomaly-reaction';
  readonly version = '1';
  readonly #settings: z.infer<typeof settingsSchema>;
  readonly #watch: AnomalyWatch;
  #suspects = new Map<string, Anomaly>();

  constructor(settings: z.infer<typeof settingsSchema>) {
    this.#settings = settings;
    this.#watch = new AnomalyWatch(settings);
  }

  learn({ view, window, now }: PolicyInput<ClusterSituation>): void {
    this.#watch.observe(view, window, now);
    this.#suspects = this.#watch.suspects(view, now);
  }

  /** Why each suspect node is one; the agent shows it to all policies. */
  suspicions(): ReadonlyMap<string, string> {
    return new Map([...this.#suspects].map(([node, { text }]) => [node, `${node} misbehaves: ${text}`]));
  }

  analyze({ view }: PolicyInput<ClusterSituation>): Trigger[] {
    return placedIn(view).flatMap(({ application, component, from }): Trigger[] => {
      const anomaly = this.#suspects.get(from);
      if (!anomaly || !permits(application, 'component_relocation')) return [];
      const about = { application: application.name, component: component.metadata.name };
      return [{ kind: 'node-anomaly', text: `${from} misbehaves: ${anomaly.text}`, ...about }];
    });
  }

  plan(input: PolicyInput<ClusterSituation>, trigger: Trigger): Proposal | undefined {
    const { view, window, now } = input;
    const placed = placedFor(view, trigger);
    const anomaly = placed && this.#suspects.get(placed.from);
    if (!placed || !anomaly) return undefined;
    const { threshold, loadWeight, moveCost, margin, coolDownS, horizonS } = this.#settings;
    const book = new PremiseBook(window, now);
    const what = anomaly.what.charAt(0).toUpperCase() + anomaly.what.slice(1);
    const source = `telemetry of ${placed.from}, since ${new Date(anomaly.since).toISOString().slice(11, 19)}`;
    const value = book.fact('anomaly', `${what} of ${placed.from}`, anomaly.value, anomaly.unit, source, [0, 2 * anomaly.value]);
    const usual = book.fact('usual', `What it usually is`, anomaly.usual, anomaly.unit, source);
    const spread = (anomaly.value - anomaly.usual) / anomaly.score;
    // 1 at the threshold, at most 2: what is far off is no worse than what is off.
    const misbehaviour = minimum(2, divide(subtract(value, usual), threshold * spread));
    return moveProposal(
      // The node that it is to leave is ruled out for everybody else; here it is what moving is held against.
      {
        ...input,
        view: {
          ...view,
          nodes: view.nodes.map((node) =>
            this.#suspects.has(node.name) ? { ...node, suspect: this.#suspects.get(node.name)!.text } : node,
          ),
        },
      },
      placed,
      book,
      (node, isHere) => {
        const load = book.reading(`load:${node.name}`, `Load of ${node.name}`, loadOf(node.name), { range: [0, 1] });
        return {
          predicted: [],
          terms: [
            ...(isHere ? [{ name: 'Misbehaviour', expression: multiply(-1, misbehaviour) }] : []),
            ...(load && !isHere ? [{ name: 'Load', expression: multiply(-loadWeight, load) }] : []),
            { name: 'Move', expression: constant(isHere ? 0 : -moveCost) },
          ],
        };
      },
      { margin, coolDownS, horizonS },
    );
  }
}

/** Nodes that a set of policies holds suspect, and why. */
export const suspicionsOf = (policies: readonly Policy<ClusterSituation>[]): ReadonlyMap<string, string> =>
  policies.find((policy): policy is AnomalyReaction => policy instanceof AnomalyReaction)?.suspicions() ?? new Map();

export const anomalyReaction: PolicyFactory<ClusterSituation> = {
  name: 'anomaly-reaction',
  summary: 'Drains a node that does what it never did: its components go elsewhere, and nothing is placed on it meanwhile',
  settings: settingsSchema,
  create: (settings) => new AnomalyReaction(settingsSchema.parse(settings)),
};
