import { premise } from '../decision/expression.ts';
import type { Premise } from '../decision/record.ts';
import { unitOf } from '../descriptions/common.ts';
import { ExternalModel, type ExternalModelSettings } from '../learning/external-model.ts';
import type { LearntModel } from '../learning/learnt-model.ts';
import { ErrorBook, errorBookStateSchema } from '../learning/predictor.ts';
import type { Json } from '../mechanisms/mechanism.ts';
import type { SeriesQuery, SlidingWindow } from '../telemetry/window.ts';
import type { LatencyPrediction } from './latency-predictions.ts';
import { componentQuery, keyOf, ownShare, type Subject, speedIn, subjectsOf } from './latency-subjects.ts';
import type { Foreseen, PolicyInput } from './policy.ts';
import type { ClusterSituation, NodeSituation } from './situation.ts';

/** A prediction that is older is of a situation that is gone. */
const staleMs = 5000;
/** Nodes that are asked about in one turn, for a component. */
const mostNodes = 200;
/** Doubt of a model that has not been compared with anything yet, as a share of what it says; and comparisons that tell more. */
const firstDoubt = 0.3;
const enough = 20;

export interface ForeseenHere {
  premises: Premise[];
  readings: Record<string, SeriesQuery>;
  /** undefined for a node that was not asked about: there are too many. */
  at: (node: string) => LatencyPrediction | undefined;
}

/**
 * Latencies by somebody else's model, asked beside the loop. What it says of each node comes into the agent's window as a reading, so that a decision rests on it as
 * on any other reading, and a replay has it too.
 */
export class ForeseenLatencies {
  readonly #model: ExternalModel;
  readonly #errors = new Map<string, ErrorBook>();
  readonly #until = new Map<string, number>();
  /** Where each was compared with what came, last. */
  readonly #comparedOn = new Map<string, string>();

  constructor(settings: ExternalModelSettings) {
    this.#model = new ExternalModel(settings);
  }

  get name(): string {
    return this.#model.name;
  }

  /**
   * Asks of latencies that are close to their target or over it, for every node where a component may be; the others call for no decision.
   * @throws Error that says why there is no prediction
   */
  async ask(
    { view, window, now }: PolicyInput<ClusterSituation>,
    { covariate, closeAt }: { covariate: string; closeAt: number },
    mayGo: (subject: Subject) => NodeSituation[],
  ): Promise<Foreseen[]> {
    if (view.mode === 0) return [];
    const speedOf = speedIn(view);
    const asked = subjectsOf(view, window, covariate).flatMap((subject): Promise<Foreseen>[] => {
      const [last] = window.latest(subject.latency);
      const [told] = window.latest(subject.covariate);
      if (!last || now - last.time > 2 * staleMs || last.value < closeAt * subject.target) return [];
      const { application, component } = componentQuery(subject);
      const isHere = (name: string): boolean => name === subject.node;
      // Where it is now, and the fastest of the others.
      const nodes = mayGo(subject).toSorted(
        (a, b) => Number(isHere(b.name)) - Number(isHere(a.name)) || speedOf(b.name) - speedOf(a.name),
      );
      return nodes.slice(0, mostNodes).map(async (node) => {
        const used = window.usual({ metric: 'cpu_used_ratio', node: node.name, component: '' }, now - 3000) ?? 0;
        const load = Math.max(used - (isHere(node.name) ? ownShare(subject, node, window) : 0), 0);
        const features = featuresOf(covariate, told?.value ?? 0, load, speedOf(node.name));
        const value = await this.#model.predict(`${application}/${component} on ${node.name}`, features);
        const sample = { metric: predicted(subject.metric), value, application, component, source: this.#model.name };
        return { node: node.name, samples: [sample] };
      });
    });
    return Promise.all(asked);
  }

  /** Compares what was said of the node where it runs with what came. */
  learn(subject: Subject, window: SlidingWindow): void {
    const key = keyOf(subject);
    const said = window.latest(this.#query(subject, subject.node))[0];
    if (!said || said.time <= (this.#until.get(key) ?? 0)) return;
    const came = window.points(subject.latency, said.time)[0];
    if (!came) return;
    this.#until.set(key, said.time);
    const errors = this.#errors.get(key) ?? new ErrorBook();
    this.#errors.set(key, errors);
    if (came.time - said.time > staleMs) return;
    errors.add(came.value - said.value);
    this.#comparedOn.set(key, subject.node);
  }

  /** What it said of late of where a component may be, as premises; undefined unless it did of where it is, and of every other that it was asked about. */
  of(subject: Subject, nodes: readonly NodeSituation[], window: SlidingWindow, now: number): ForeseenHere | undefined {
    const premises: Premise[] = [];
    const readings: Record<string, SeriesQuery> = {};
    const values = new Map<string, number>();
    for (const { name } of nodes) {
      const query = this.#query(subject, name);
      const [latest] = window.latest(query);
      if (!latest || now - latest.time > staleMs) continue;
      const { time: at, value, source = this.#model.name } = latest;
      values.set(name, value);
      readings[idOf(name)] = query;
      const about = { id: idOf(name), name: `What ${this.#model.name} says of ${name}` };
      premises.push({ ...about, value, unit: unitOf(query.metric), at, source, usual: window.usual(query) ?? value });
    }
    // Only then they can be compared.
    if (!values.has(subject.node) || values.size < Math.min(nodes.length, mostNodes)) return undefined;
    const errors = this.#errors.get(keyOf(subject));
    const known = errors && errors.count >= enough ? Math.sqrt(errors.meanSquare ?? 0) : undefined;
    return {
      premises,
      readings,
      at: (node) => {
        const value = values.get(node);
        if (value === undefined) return undefined;
        return { expression: premise(idOf(node)), deviation: known ?? firstDoubt * Math.abs(value), by: this.#model.name };
      },
    };
  }

  models(): LearntModel[] {
    return [...this.#comparedOn].map(([key, node]): LearntModel => {
      const [application, component, metric = ''] = key.split('/');
      const { count = 0, meanAbsolute } = this.#errors.get(key) ?? {};
      return {
        key: `${key}/predictor`,
        name: `${metric} of ${application}/${component}`,
        kind: this.#model.kind,
        unit: unitOf(metric),
        enough: 1,
        isForMode1: true,
        predicts: { metric, application, component },
        places: [{ node, by: this.#model.name, samples: count, meanError: meanAbsolute ?? null }],
      };
    });
  }

  state(): Json {
    return Object.fromEntries([...this.#errors].map(([key, errors]) => [key, errors.state()]));
  }

  restore(state: Record<string, Json>): void {
    for (const [key, saved] of Object.entries(state)) {
      const errors = new ErrorBook();
      errors.restore(errorBookStateSchema.parse(saved));
      this.#errors.set(key, errors);
    }
  }

  close(): void {
    this.#model.close();
  }

  #query(subject: Subject, node: string): SeriesQuery {
    return { ...componentQuery(subject), metric: predicted(subject.metric), node };
  }
}

/** By name for a model that is served; in this order for one that takes a row of numbers. */
const featuresOf = (covariate: string, value: number, load: number, ghz: number): Record<string, number> => ({
  [covariate]: value,
  load,
  ghz,
});

/** Asks a model once. @throws Error that says what is wrong with it */
export async function checkPredictor(settings: ExternalModelSettings, covariate: string): Promise<void> {
  const model = new ExternalModel(settings);
  try {
    await model.predict('nothing in particular', featuresOf(covariate, 1, 0.1, 2));
  } finally {
    model.close();
  }
}

const predicted = (metric: string): string => `predicted_${metric}`;
const idOf = (node: string): string => `model:${node}`;
