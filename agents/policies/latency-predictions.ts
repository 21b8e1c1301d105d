import { z } from 'zod';
import {
  add,
  atLeastZero,
  constant,
  divide,
  type Expression,
  maximum,
  multiply,
  premise,
  subtract,
  treesOf,
} from '../decision/expression.ts';
import { walk } from '../decision/trees.ts';
import { splitWeights, whyForestOrLine } from '../learning/forest-or-line.ts';
import { LatencyModel, latencyModelStateSchema } from '../learning/latency-model.ts';
import type { LearntPlace } from '../learning/learnt-model.ts';
import { ErrorBook, errorBookStateSchema } from '../learning/predictor.ts';
import { RegressionForest } from '../learning/regression-forest.ts';
import { seededBy } from '../learning/seeded-by.ts';
import type { Json } from '../mechanisms/mechanism.ts';

const placeSchema = z.object({ line: errorBookStateSchema, forest: z.json(), decisions: errorBookStateSchema });
export const latencyPredictionsStateSchema = z.object({
  model: latencyModelStateSchema,
  places: z.record(z.string(), placeSchema),
});

/** Errors that a model must have shown on a node before another may take its place; and by what share it must be better. */
const enough = 60;
const clearly = 0.9;
/** Decisions whose outcome must be known before they say how far off decisions are. */
const enoughDecisions = 5;
/** Doubt of a rule of thumb, as a share of what it says. */
const thumb = 0.3;

interface Place {
  line: ErrorBook;
  forest: RegressionForest;
  /** How far off what was decided by was from what came of it. */
  decisions: ErrorBook;
}

export interface LatencyPrediction {
  expression: Expression;
  deviation: number;
  /** Which model it is of, for people. */
  by: string;
}

/** What is known of now for a prediction on one node. */
export interface PredictionInput {
  node: string;
  speedOf: (node: string) => number;
  /** Value and premise of what the latency grows with; undefined where nothing is told. */
  covariate: number | undefined;
  /** Load of the node now, its premise, and the share of it that is the component's own. */
  load: { value: number; id: string; own: number } | undefined;
}

/**
 * Latency of one component on each node, learnt twice: by a line in its covariate and the load of others (recursive least squares, carried over to nodes that
 * were never tried by their speed), and by a small forest; the one that was less off on that node predicts. How far off decisions turned out is part of the doubt.
 */
export class LatencyPredictions {
  readonly #scaleMs: number;
  readonly #model: LatencyModel;
  readonly #places = new Map<string, Place>();

  constructor(scaleMs: number) {
    this.#scaleMs = scaleMs;
    this.#model = new LatencyModel(scaleMs);
  }

  /** `load` is that of others on the node, 0–1. */
  learn(node: string, covariate: number, load: number, latencyMs: number, speedOf: (node: string) => number): void {
    const place = this.#placeOf(node);
    if (this.samples(node, speedOf) > 0) place.line.add(latencyMs - this.#model.predict(node, covariate, load, speedOf).value);
    place.forest.learn([covariate, load], latencyMs);
    this.#model.learn(node, covariate, load, latencyMs, speedOf);
  }

  /** What came of a decision for this node, beside what was expected. */
  judged(node: string, expectedMs: number, actualMs: number): void {
    this.#placeOf(node).decisions.add(actualMs - expectedMs);
  }

  /** Seen on that node itself, or carried over: 0 when nothing at all is known. */
  samples(node: string, speedOf: (node: string) => number): number {
    return this.#model.weights(node, speedOf).samples;
  }

  /** The value of `predict`'s expression now, without writing it out: the same to the last bit. */
  valueMs({ node, speedOf, covariate, load }: PredictionInput): number {
    const [x, others] = [covariate ?? 0, load ? Math.max(load.value - load.own, 0) : 0];
    const place = this.#places.get(node);
    if (place && isForestBetter(place)) {
      const { trees } = place.forest;
      return (1 / trees.length) * trees.reduce((sum, tree) => sum + walk(tree, [x, others]), 0);
    }
    const { intercept, perUnit, perLoad } = this.#model.weights(node, speedOf);
    const line = intercept + (covariate !== undefined ? perUnit * x : 0) + (load ? perLoad * others : 0);
    return Math.max(this.#model.leastMs(node, speedOf), line);
  }

  predict({ node, speedOf, covariate, load }: PredictionInput): LatencyPrediction {
    const x = covariate === undefined ? constant(0) : premise('covariate');
    const others = load ? atLeastZero(subtract(premise(load.id), load.own)) : constant(0);
    const [xNow, othersNow] = [covariate ?? 0, load ? Math.max(load.value - load.own, 0) : 0];
    // Not made for who only asks: of a thousand nodes a component has seen a few.
    const place = this.#places.get(node);
    const decided = place && place.decisions.count >= enoughDecisions ? Math.sqrt(place.decisions.meanSquare!) : 0;
    if (place && isForestBetter(place)) {
      const { forest } = place;
      const { deviation } = forest.predict([xNow, othersNow]);
      const expression = treesOf([x, others], [...forest.trees], 1 / forest.trees.length);
      return { expression, deviation: Math.max(deviation, decided), by: 'forest' };
    }
    const weights = this.#model.weights(node, speedOf);
    const expression = maximum(
      this.#model.leastMs(node, speedOf),
      add(
        constant(weights.intercept),
        ...(covariate !== undefined ? [multiply(weights.perUnit, x)] : []),
        ...(load ? [multiply(weights.perLoad, others)] : []),
      ),
    );
    const { deviation } = this.#model.predict(node, xNow, othersNow, speedOf);
    return {
      expression,
      deviation: Math.max(deviation, decided),
      by: weights.samples > 0 ? 'line' : 'line of another node, by speed',
    };
  }

  /** Nodes that it was seen on, by how many samples and how well each is known. `covariateName` for people; `unit` of the latency. */
  places(covariateName: string, unit: string): LearntPlace[] {
    return [...this.#places].map(([node, place]) => {
      const isForest = isForestBetter(place);
      const { samples, intercept, perUnit, perLoad } = this.#model.weights(node, () => 1);
      const { meanAbsolute } = isForest ? place.forest.errors : place.line;
      const by = isForest ? 'forest' : samples > 0 ? 'line' : 'line of another node, by speed';
      const [x, load] = [covariateName, 'Load of others'];
      const weights = isForest
        ? splitWeights(place.forest, [x, load])
        : [
            { feature: 'Base', value: intercept, unit },
            { feature: x, value: perUnit, unit: `${unit} each` },
            { feature: load, value: perLoad, unit: `${unit} at full load` },
          ];
      const why = whyForestOrLine({ isForest, forest: place.forest.errors, line: place.line, enough, clearly, unit });
      return { node, by, why, samples, meanError: meanAbsolute ?? null, weights };
    });
  }

  state(): z.infer<typeof latencyPredictionsStateSchema> {
    const places = [...this.#places].map(([node, { line, forest, decisions }]) => [
      node,
      { line: line.state(), forest: forest.state(), decisions: decisions.state() },
    ]);
    return { model: this.#model.state(), places: Object.fromEntries(places) };
  }

  restore(state: Json): void {
    const { model, places } = latencyPredictionsStateSchema.parse(state);
    this.#model.restore(model);
    for (const [node, saved] of Object.entries(places)) {
      const place = this.#placeOf(node);
      place.line.restore(saved.line);
      place.forest.restore(saved.forest);
      place.decisions.restore(saved.decisions);
    }
  }

  #placeOf(node: string): Place {
    const place = this.#places.get(node) ?? {
      line: new ErrorBook(),
      // The same numbers for the same readings: a replay decides the same.
      forest: new RegressionForest(
        { prior: { value: this.#scaleMs, deviation: this.#scaleMs }, trees: 10, depth: 4, most: 300, refitAfter: 120 },
        seededBy(node),
      ),
      decisions: new ErrorBook(30),
    };
    this.#places.set(node, place);
    return place;
  }
}

const isForestBetter = ({ line, forest }: Place): boolean =>
  forest.errors.count >= enough &&
  line.count >= enough &&
  forest.trees.length > 0 &&
  forest.errors.meanAbsolute! < clearly * line.meanAbsolute!;

/** The value of `latencyByThumb`'s expression now. */
export function thumbMs({ node, speedOf, covariate, load }: PredictionInput, now: { node: string; latencyMs: number }): number {
  const usual = covariate !== undefined && covariate > 0 ? (now.latencyMs / covariate) * covariate : now.latencyMs;
  const here = (speedOf(now.node) / speedOf(node)) * usual;
  return node === now.node || !load ? here : here / Math.max(0.1, 1 - load.value);
}

/**
 * A latency by a rule of thumb, without anything learnt: it grows in proportion to its covariate, and falls with the speed of the node's processor; other work
 * there slows it down by the share of the node that it takes.
 */
export function latencyByThumb(
  { node, speedOf, covariate, load }: PredictionInput,
  now: { node: string; latencyMs: number },
): LatencyPrediction {
  const ratio = speedOf(now.node) / speedOf(node);
  const usual =
    covariate !== undefined && covariate > 0
      ? multiply(now.latencyMs / covariate, premise('covariate'))
      : constant(now.latencyMs);
  const here = multiply(ratio, usual);
  // Where it runs now, what others take shows in its latency already.
  const expression = node === now.node || !load ? here : divide(here, maximum(0.1, subtract(1, premise(load.id))));
  return { expression, deviation: node === now.node ? 0.1 * now.latencyMs : thumb * ratio * now.latencyMs, by: 'rule of thumb' };
}
