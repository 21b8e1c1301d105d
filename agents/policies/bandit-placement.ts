import { z } from 'zod';
import { add, constant, type Expression, multiply, premise } from '../decision/expression.ts';
import type { DecisionRecord } from '../decision/record.ts';
import { unitOf } from '../descriptions/common.ts';
import type { LearntModel } from '../learning/learnt-model.ts';
import { LinUcb } from '../learning/lin-ucb.ts';
import type { Json } from '../mechanisms/mechanism.ts';
import { type Subject, subjectsOf } from './latency-subjects.ts';
import { loadOf, moveProposal, placedFor, qosTerm } from './moving.ts';
import type { Policy, PolicyFactory, PolicyInput, Proposal, Trigger } from './policy.ts';
import { PremiseBook } from './premise-book.ts';
import type { ClusterSituation } from './situation.ts';

const settingsSchema = z.strictObject({
  /** What the application's latency grows with, and about how much of it there is at most. */
  covariate: z.string().default('people_in_view'),
  covariateName: z.string().default('People in view'),
  covariateScale: z.number().positive().default(10),
  /** Deviations of doubt that count as reward: how eagerly what is uncertain is tried. */
  alpha: z.number().min(0).max(5).default(1),
  holdS: z.number().min(0).default(2),
  moveCost: z.number().min(0).default(0.05),
  margin: z.number().min(0).default(0.1),
  coolDownS: z.number().min(0).default(60),
  horizonS: z.number().positive().default(30),
});
const staleMs = 10_000;
const leastReward = -2;
const savedSchema = z.record(z.string(), z.json());

/**
 * Placement by LinUCB: each node is an arm, whose reward (1 while the target is kept, less by the share that it is missed by) is learnt from what came of
 * earlier decisions, as a line in the load of the node and in what the latency grows with. It knows no speeds and no models: it tries.
 */
class BanditPlacement implements Policy<ClusterSituation> {
  readonly name = 'bandit-placement';
  readonly version = '1';
  readonly #settings: z.infer<typeof settingsSchema>;
  readonly #bandits = new Map<string, LinUcb>();

  constructor(settings: z.infer<typeof settingsSchema>) {
    this.#settings = settings;
  }

  analyze({ view, window, now }: PolicyInput<ClusterSituation>): Trigger[] {
    if (view.mode === 0) return [];
    return subjectsOf(view, window, this.#settings.covariate).flatMap(
      ({ application, component, latency, metric, target }): Trigger[] => {
        const points = window.points(latency, now - 60_000);
        const last = points.at(-1);
        const first = points[points.findLastIndex(({ value }) => value <= target) + 1];
        if (!last || !first || now - last.time > staleMs || now - first.time < 1000 * this.#settings.holdS) return [];
        const about = { application: application.name, component: component.metadata.name };
        const text = `${metric} of ${about.component} has been over ${target} ${unitOf(metric)} for ${Math.round((now - first.time) / 1000)} s`;
        return [{ kind: 'qos-violated', text, ...about }];
      },
    );
  }

  plan(input: PolicyInput<ClusterSituation>, trigger: Trigger): Proposal | undefined {
    const { view, window, now } = input;
    const { covariate, covariateName, covariateScale, alpha, moveCost, margin, coolDownS, horizonS } = this.#settings;
    const placed = placedFor(view, trigger);
    const subject = subjectsOf(view, window, covariate).find(
      ({ application, component }) => application.name === trigger.application && component.metadata.name === trigger.component,
    );
    if (!placed || !subject) return undefined;
    const bandit = this.#banditOf(keyOf(subject));
    const book = new PremiseBook(window, now);
    const x = book.reading('covariate', covariateName, subject.covariate, { range: [0, 14], overS: 3 }) ?? constant(0);
    const source = `qos_metrics of ${subject.component.metadata.name} in the description of ${subject.application.name}`;
    const goal = book.fact('target', 'Target', subject.target, unitOf(subject.metric), source);
    const expected = new Map<string, number>();
    const proposal = moveProposal(
      input,
      placed,
      book,
      (node, isHere) => {
        const load = book.reading(`load:${node.name}`, `Load of ${node.name}`, loadOf(node.name), { range: [0, 1] });
        const context = [1, (book.valueOf('covariate') ?? 0) / covariateScale, book.valueOf(`load:${node.name}`) ?? 0];
        const [base = 0, perUnit = 0, perLoad = 0] = bandit.weights(node.name);
        const { value, deviation } = bandit.predict(node.name, context);
        expected.set(isHere ? 'stay' : `to:${node.name}`, value);
        const reward: Expression = add(base, multiply(perUnit / covariateScale, x), ...(load ? [multiply(perLoad, load)] : []));
        return {
          predicted: [{ metric: 'reward', unit: '', deviation, expression: reward }],
          terms: [
            { name: 'Expected reward', expression: reward },
            { name: 'Doubt', expression: constant(alpha * deviation) },
            { name: 'Move', expression: constant(isHere ? 0 : -moveCost) },
          ],
        };
      },
      {
        margin,
        coolDownS,
        horizonS,
        outcome: {
          metric: subject.metric,
          unit: unitOf(subject.metric),
          query: subject.latency,
          term: { name: 'Expected reward', expression: add(1, qosTerm(premise('actual'), goal)) },
        },
      },
    );
    return {
      ...proposal,
      explores: (id) => [...expected.values()].some((value) => value > (expected.get(id) ?? Number.NEGATIVE_INFINITY)),
    };
  }

  judged(record: DecisionRecord): void {
    const { candidates, choice, premises, actual, application, component } = record;
    const chosen = candidates.find(({ id }) => id === choice);
    const node =
      chosen?.action.kind === 'move' ? chosen.action.to : chosen?.action.kind === 'stay' ? chosen.action.host : undefined;
    const value = actual?.outcomes[0]?.value;
    const of = (id: string): number | undefined => premises.find((one) => one.id === id)?.value;
    const target = of('target');
    if (node === undefined || value === undefined || target === undefined) return;
    const reward = Math.max(1 - Math.max(value - target, 0) / target, leastReward);
    const context = [1, (of('covariate') ?? 0) / this.#settings.covariateScale, of(`load:${node}`) ?? 0];
    this.#banditOf(`${application}/${component}`).learn(node, context, reward);
  }

  models(): LearntModel[] {
    const features = ['Base', this.#settings.covariateName, 'Load of the node'];
    const units = ['', `per ${this.#settings.covariateScale}`, 'at full load'];
    return [...this.#bandits].map(([key, bandit]) => ({
      key,
      name: `reward of placing ${key}`,
      kind: 'LinUCB',
      unit: '',
      enough: 1,
      isForMode1: true,
      places: bandit.arms.map((node) => ({
        node,
        by: 'LinUCB',
        samples: bandit.pulls(node),
        meanError: null,
        weights: bandit.weights(node).map((value, index) => ({ feature: features[index]!, value, unit: units[index]! })),
      })),
    }));
  }

  state(): Json {
    return Object.fromEntries([...this.#bandits].map(([key, bandit]) => [key, bandit.state()]));
  }

  restore(state: Json): void {
    for (const [key, saved] of Object.entries(savedSchema.parse(state))) this.#banditOf(key).restore(saved);
  }

  #banditOf(key: string): LinUcb {
    const bandit = this.#bandits.get(key) ?? new LinUcb(3, this.#settings.alpha);
    this.#bandits.set(key, bandit);
    return bandit;
  }
}

const keyOf = ({ application, component }: Subject): string => `${application.name}/${component.metadata.name}`;

export const banditPlacement: PolicyFactory<ClusterSituation> = {
  name: 'bandit-placement',
  summary: 'Tries nodes for a component that misses its target, and learns from what came of it which serves it when (LinUCB)',
  settings: settingsSchema,
  create: (settings) => new BanditPlacement(settingsSchema.parse(settings)),
};
