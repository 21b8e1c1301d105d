import { z } from 'zod';
import { atLeastZero, constant, divide, type Expression, multiply, premise, subtract } from '../decision/expression.ts';
import type { DecisionRecord, Premise } from '../decision/record.ts';
import { permits } from '../descriptions/application.ts';
import { unitOf } from '../descriptions/common.ts';
import { mostFeasible } from '../explanation/most-telling.ts';
import { externalModelSchema } from '../learning/external-model.ts';
import type { LearntModel } from '../learning/learnt-model.ts';
import { RecursiveLeastSquares, recursiveLeastSquaresStateSchema } from '../learning/recursive-least-squares.ts';
import type { Json } from '../mechanisms/mechanism.ts';
import type { SeriesQuery, SlidingWindow } from '../telemetry/window.ts';
import { placementCommand } from './commands.ts';
import { rejectionOf } from './constraints.ts';
import { checkPredictor, ForeseenLatencies } from './foreseen-latencies.ts';
import {
  type LatencyPrediction,
  LatencyPredictions,
  latencyByThumb,
  type PredictionInput,
  thumbMs,
} from './latency-predictions.ts';
import { before, componentQuery, keyOf, othersLoad, ownShare, type Subject, speedIn, subjectsOf } from './latency-subjects.ts';
import { loadOf } from './moving.ts';
import type { Foreseen, Option, Policy, PolicyFactory, PolicyInput, Proposal, Trigger } from './policy.ts';
import { powerModels } from './power-models.ts';
import type { Rejection } from './rejection.ts';
import type { ClusterSituation, NodeSituation } from './situation.ts';

const settingsSchema = z.strictObject({
  /** What the application's latency grows with. */
  covariate: z.string().default('people_in_view'),
  covariateName: z.string().default('People in view'),
  covariateRange: z.tuple([z.number(), z.number()]).default([0, 14]),
  /** Score that a move must win by: it keeps noise from moving things to and fro. */
  margin: z.number().min(0).default(0.1),
  coolDownS: z.number().min(0).default(60),
  /** A violation that is shorter is let pass. */
  holdS: z.number().min(0).default(2),
  /** From this share of the target on, a non-act is worth telling. */
  closeAt: z.number().min(0).max(1).default(0.85),
  horizonS: z.number().positive().default(30),
  /** A move costs some latency while it lasts, and effort. */
  moveCost: z.number().min(0).default(0.05),
  /** Score that 100 W cost. */
  energyWeight: z.number().min(0).default(0.1),
  /** A model that predicts latencies in mode 1 in place of those that are learnt here; they step in where it says nothing. */
  predictor: externalModelSchema.optional(),
});
type Settings = z.infer<typeof settingsSchema>;

/** A reading that is older says nothing of now. */
const staleMs = 10_000;
/** A component that has just moved warms up; what it says meanwhile is not learnt. */
const settleMs = 3000;
/** A reading is taken as the median of so long. */
const recentMs = 3000;
/** Power of a node is learnt from so many readings before it is used. */
const enoughPowerSamples = 10;

const savedSchema = z.object({
  latency: z.record(z.string(), z.json()),
  power: z.record(z.string(), recursiveLeastSquaresStateSchema),
  foreseen: z.record(z.string(), z.json()).optional(),
});

/** Moves a component when its latency has passed its target, to the node where it is predicted to be best served. */
class RelocateByLatency implements Policy<ClusterSituation> {
  readonly name = 'relocate-by-latency';
  readonly version = '1';
  readonly #settings: Settings;
  readonly #models = new Map<string, LatencyPredictions>();
  readonly #power = new Map<string, RecursiveLeastSquares>();
  readonly #learntUntil = new Map<string, number>();
  readonly #places = new Map<string, string>();
  readonly #foreseen: ForeseenLatencies | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#foreseen = settings.predictor && new ForeseenLatencies(settings.predictor);
  }

  learn({ view, window, now }: PolicyInput<ClusterSituation>): void {
    const speedOf = speedIn(view);
    for (const subject of subjectsOf(view, window, this.#settings.covariate)) {
      const key = keyOf(subject);
      this.#foreseen?.learn(subject, window);
      // While it moves, what it says is of two nodes at once; and the first seconds in a new place are a start, not how it is there.
      const isSettled = subject.view.pods.length === 1 && this.#places.get(key) === subject.node;
      if (!isSettled) {
        this.#places.set(key, subject.node);
        this.#learntUntil.set(key, now + (this.#learntUntil.has(key) ? settleMs : 0));
        continue;
      }
      const points = window.points(subject.latency, (this.#learntUntil.get(key) ?? now) + 1);
      if (points.length === 0) continue;
      // What is new is little, and what goes with it is not old: the whole window for every component was most of the work.
      const since = points[0]!.time - staleMs;
      const covariates = window.points(subject.covariate, since);
      const loads = othersLoad(window, view, subject, since);
      for (const { time, value } of points)
        this.#modelOf(subject).learn(subject.node, before(covariates, time) ?? 0, before(loads, time) ?? 0, value, speedOf);
      this.#learntUntil.set(key, points.at(-1)!.time);
    }
    for (const node of view.nodes) {
      const power = window.lastOf(node.name, 'power_w');
      const used = window.lastOf(node.name, 'cpu_used_ratio');
      const key = `power:${node.name}`;
      if (!power || !used || power.time === this.#learntUntil.get(key)) continue;
      const model =
        this.#power.get(node.name) ?? new RecursiveLeastSquares({ weights: [30, 30], deviations: [100, 100], noise: 2 });
      model.update([1, used.value], power.value);
      this.#power.set(node.name, model);
      this.#learntUntil.set(key, power.time);
    }
  }

  async foresee(input: PolicyInput<ClusterSituation>): Promise<Foreseen[]> {
    const { covariate, closeAt } = this.#settings;
    const mayGo = (subject: Subject) =>
      this.#considered(subject, input).flatMap(({ node, rejected }) => (rejected ? [] : [node]));
    return this.#foreseen?.ask(input, { covariate, closeAt }, mayGo) ?? [];
  }

  analyze({ view, window, now }: PolicyInput<ClusterSituation>): Trigger[] {
    const { holdS, closeAt } = this.#settings;
    return subjectsOf(view, window, this.#settings.covariate).flatMap((subject): Trigger[] => {
      const points = window.points(subject.latency);
      const last = points.at(-1);
      if (!last || now - last.time > staleMs) return [];
      const common = { application: subject.application.name, component: subject.component.metadata.name };
      const firstOk = points.findLastIndex(({ value }) => value <= subject.target);
      const firstOver = points[firstOk + 1];
      const target = `${subject.target} ${unitOf(subject.metric)}`.trim();
      if (firstOver) {
        const heldS = (now - firstOver.time) / 1000;
        if (heldS < holdS) return [];
        const text = `${subject.metric} of ${common.component} has been over ${target} for ${Math.round(heldS)} s`;
        return [{ kind: 'qos-violated', text, ...common }];
      }
      const recent = window.usual(subject.latency, now - 5000) ?? last.value;
      if (recent < closeAt * subject.target) return [];
      return [{ kind: 'qos-close', text: `${subject.metric} of ${common.component} is close to ${target}`, ...common }];
    });
  }

  plan(input: PolicyInput<ClusterSituation>, trigger: Trigger): Proposal | undefined {
    const { view, window, now } = input;
    const [subject] = subjectsOf(view, window, this.#settings.covariate, trigger);
    if (!subject) return undefined;
    const model = this.#modelOf(subject);
    const speedOf = speedIn(view);
    const considered = this.#considered(subject, input);
    const feasible = considered.filter(({ rejected }) => !rejected).map(({ node }) => node);
    const foreseen = view.mode === 1 ? this.#foreseen?.of(subject, feasible, window, now) : undefined;
    // Nothing is known of the latency here yet: a prediction by what was learnt would be a guess.
    if (view.mode === 1 && !foreseen && model.samples(subject.node, speedOf) === 0) return undefined;
    const settings = this.#settings;
    const name = subject.component.metadata.name;
    const unit = unitOf(subject.metric);
    const readings: Proposal['readings'] = {};
    const premises: Premise[] = [];
    const read = (id: string, title: string, query: SeriesQuery, range: [number, number]): number | undefined => {
      const latest = window.latest(query)[0];
      if (!latest) return undefined;
      readings[id] = query;
      const value = window.usual(query, now - recentMs) ?? latest.value;
      const place = `${latest.component ? `${latest.component} on ` : ''}${latest.node}${latest.source ? ` (${latest.source})` : ''}`;
      const usual = window.usual(query) ?? value;
      premises.push({
        id,
        name: title,
        value,
        unit: unitOf(query.metric),
        at: latest.time,
        source: `${query.metric} of ${place}`,
        usual,
        range,
      });
      return value;
    };
    const covariate = read('covariate', settings.covariateName, subject.covariate, settings.covariateRange);
    premises.push({
      id: 'target',
      name: 'Target',
      value: subject.target,
      unit,
      at: now,
      source: `qos_metrics of ${name} in the description of ${subject.application.name}`,
      usual: subject.target,
    });

    premises.push(...(foreseen?.premises ?? []));
    Object.assign(readings, foreseen?.readings);
    const latencyNow =
      window.usual(subject.latency, now - recentMs) ?? window.latest(subject.latency)[0]?.value ?? subject.target;
    const used = new Set<string>();
    const watts = this.#wattsTerms(feasible, subject, window);
    const asking = (node: NodeSituation, loadNow: number | undefined): PredictionInput => {
      const own = node.name === subject.node ? ownShare(subject, node, window) : 0;
      const load = loadNow === undefined ? undefined : { value: loadNow, id: `load:${node.name}`, own };
      return { node: node.name, speedOf, covariate, load };
    };
    const thumb = { node: subject.node, latencyMs: latencyNow };
    const isThumb = view.mode !== 1;
    const scoreOf = (node: NodeSituation): number => {
      const last = window.lastOf(node.name, 'cpu_used_ratio');
      const asked = asking(node, last && (window.usual(loadOf(node.name), now - recentMs) ?? last.value));
      const latency = isThumb ? thumbMs(asked, thumb) : model.valueMs(asked);
      const qos = -(Math.max(latency - subject.target, 0) / subject.target);
      return qos + (watts.get(node.name) ?? 0) + (node.name === subject.node ? 0 : -settings.moveCost);
    };
    // What somebody else foresees is written out whole: it is asked for few.
    const shown = foreseen ? new Set(feasible) : bestOf(feasible, scoreOf, subject.node);
    const written = considered.filter(({ node, rejected }) => rejected || shown.has(node));
    const options = written.map(({ node, rejected }): Option => {
      const isHere = node.name === subject.node;
      const action = isHere
        ? ({ kind: 'stay', component: name, host: node.name } as const)
        : ({ kind: 'move', component: name, from: subject.node, to: node.name } as const);
      const label = isHere ? `Stay on ${node.name}` : `Move to ${node.name}`;
      const id = isHere ? 'stay' : `to:${node.name}`;
      if (rejected) return { id, label, action, rejected, predicted: [], terms: [] };
      const asked = asking(node, read(`load:${node.name}`, `Load of ${node.name}`, loadOf(node.name), [0, 1]));
      const learnt = (): LatencyPrediction => (isThumb ? latencyByThumb(asked, thumb) : model.predict(asked));
      const { expression: latency, deviation, by } = foreseen?.at(node.name) ?? learnt();
      used.add(by);
      const energy = watts.get(node.name);
      return {
        id,
        label,
        action,
        predicted: [{ metric: subject.metric, unit, deviation, expression: latency }],
        terms: [
          { name: 'QoS', expression: qosTerm(latency) },
          ...(energy === undefined ? [] : [{ name: 'Energy', expression: constant(energy) }]),
          { name: 'Move', expression: constant(isHere ? 0 : -settings.moveCost) },
        ],
      };
    });
    const missing = this.#foreseen && view.mode === 1 && !foreseen ? `, as ${this.#foreseen.name} said nothing of late` : '';
    premises.push({
      id: 'mode',
      name: 'Mode',
      value: view.mode,
      unit: '',
      at: now,
      source: `${view.mode === 1 ? 'learnt models' : 'heuristics'} (set-mode ${view.mode}); predicted by ${[...used].sort().join(', ')}${missing}`,
      usual: view.mode,
    });
    const unwritten = feasible.length - shown.size;
    return {
      premises,
      options,
      ...(unwritten > 0 && { unwritten }),
      stay: 'stay',
      neededMargin: settings.margin,
      coolDownS: settings.coolDownS,
      horizonS: settings.horizonS,
      commands: ({ action }) =>
        action.kind === 'move'
          ? [placementCommand(subject.application.name, name, { action: 'move', src_host: subject.node, target_host: action.to })]
          : [],
      readings,
      outcome: {
        metric: subject.metric,
        unit,
        query: subject.latency,
        term: { name: 'QoS', expression: qosTerm(premise('actual')) },
      },
    };
  }

  judged({ application, component, candidates, choice, expected, actual }: DecisionRecord): void {
    const action = candidates.find(({ id }) => id === choice)?.action;
    const node = action?.kind === 'move' ? action.to : action?.kind === 'stay' ? action.host : undefined;
    const [was, is] = [expected[0], actual?.outcomes[0]];
    if (node === undefined || !was || !is || was.metric !== is.metric) return;
    this.#models.get(`${application}/${component}/${was.metric}`)?.judged(node, was.value, is.value);
  }

  models(): LearntModel[] {
    const latencies = [...this.#models].map(([key, model]): LearntModel => {
      const [application, component, metric = ''] = key.split('/');
      const name = `${metric} of ${application}/${component}`;
      const unit = unitOf(metric);
      const places = model.places(this.#settings.covariateName, unit);
      const predicts = { metric, application, component };
      return { key, name, kind: 'line and forest', unit, enough: 1, isForMode1: true, predicts, places };
    });
    return [...latencies, ...(this.#foreseen?.models() ?? []), ...powerModels(this.#power, enoughPowerSamples)];
  }

  state(): Json {
    const latency = Object.fromEntries([...this.#models].map(([key, model]) => [key, model.state()]));
    const power = Object.fromEntries([...this.#power].map(([node, model]) => [node, model.state()]));
    return { latency, power, ...(this.#foreseen && { foreseen: this.#foreseen.state() }) };
  }

  close(): void {
    this.#foreseen?.close();
  }

  restore(state: Json): void {
    const saved = savedSchema.parse(state);
    for (const [key, models] of Object.entries(saved.latency)) {
      const model = new LatencyPredictions(50);
      model.restore(models);
      this.#models.set(key, model);
    }
    if (saved.foreseen) this.#foreseen?.restore(saved.foreseen);
    for (const [node, model] of Object.entries(saved.power)) this.#power.set(node, RecursiveLeastSquares.restore(model));
  }

  #modelOf(subject: Subject): LatencyPredictions {
    const key = keyOf(subject);
    const model = this.#models.get(key) ?? new LatencyPredictions(subject.target);
    this.#models.set(key, model);
    return model;
  }

  #considered(subject: Subject, input: PolicyInput<ClusterSituation>) {
    return byName(input.view.nodes).map((node) => ({ node, rejected: this.#rejection(node, subject, input) }));
  }

  /** Staying is never ruled out: it is what happens when nothing is done. */
  #rejection(node: NodeSituation, subject: Subject, { view, now }: PolicyInput<ClusterSituation>): Rejection | undefined {
    if (node.name === subject.node) return undefined;
    const rejected = rejectionOf(node, subject.application, subject.component, view, now);
    if (rejected) return rejected;
    if (permits(subject.application, 'component_relocation')) return undefined;
    return { rule: 'permitted_actions', reason: `${subject.application.name} does not permit component_relocation` };
  }

  /** What the component's work costs in power on each node; only when every node's power is known, or they could not be compared. */
  #wattsTerms(nodes: NodeSituation[], subject: Subject, window: SlidingWindow): Map<string, number> {
    const terms = new Map<string, number>();
    const demand = window.usual({ ...componentQuery(subject), metric: 'component_cpu_cores' });
    if (demand === undefined || nodes.some(({ name }) => (this.#power.get(name)?.samples ?? 0) < enoughPowerSamples))
      return terms;
    const here = nodes.find(({ name }) => name === subject.node);
    for (const node of nodes) {
      const [, wattsWhenBusy = 0] = this.#power.get(node.name)?.weights ?? [];
      const speedRatio = here?.frequencyGHz && node.frequencyGHz ? here.frequencyGHz / node.frequencyGHz : 1;
      const watts = Math.max(wattsWhenBusy, 0) * ((demand * speedRatio) / Math.max(node.cores, 1));
      terms.set(node.name, (-this.#settings.energyWeight * watts) / 100);
    }
    return terms;
  }
}

/** Those that a record holds, in their order: the best by their scores, and where it is. */
function bestOf(nodes: NodeSituation[], scoreOf: (node: NodeSituation) => number, here: string): Set<NodeSituation> {
  if (nodes.length <= mostFeasible) return new Set(nodes);
  const scored = nodes.map((node) => ({ node, score: scoreOf(node) })).sort((a, b) => b.score - a.score);
  const best = scored.slice(0, mostFeasible).map(({ node }) => node);
  return new Set([...best, ...nodes.filter(({ name }) => name === here)]);
}

const sorted = new WeakMap<readonly NodeSituation[], readonly NodeSituation[]>();
/** Sorted once a situation, which may have a hundred decisions to be taken. */
function byName(nodes: readonly NodeSituation[]): readonly NodeSituation[] {
  const known = sorted.get(nodes) ?? nodes.toSorted((a, b) => a.name.localeCompare(b.name));
  sorted.set(nodes, known);
  return known;
}

/** Share of the target that a latency is over it, negative: 0 within the target, −1 at twice the target. */
const qosTerm = (latency: Expression): Expression =>
  multiply(-1, divide(atLeastZero(subtract(latency, premise('target'))), premise('target')));

export const relocateByLatency: PolicyFactory<ClusterSituation> = {
  name: 'relocate-by-latency',
  summary: 'Moves a component whose latency is over its target to the node that is predicted to serve it best',
  settings: settingsSchema,
  create: (settings) => new RelocateByLatency(settingsSchema.parse(settings)),
  async check(settings) {
    const { predictor, covariate } = settingsSchema.parse(settings);
    if (predictor) await checkPredictor(predictor, covariate);
  },
};
