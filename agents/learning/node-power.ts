import { z } from 'zod';
import { add, type Expression, multiply, treesOf } from '../decision/expression.ts';
import { splitWeights, whyForestOrLine } from './forest-or-line.ts';
import type { LearntPlace } from './learnt-model.ts';
import { ErrorBook, errorBookStateSchema, isUsable, type Json } from './predictor.ts';
import { RecursiveLeastSquares, recursiveLeastSquaresStateSchema } from './recursive-least-squares.ts';
import { RegressionForest } from './regression-forest.ts';

const prior = { weights: [30, 30], deviations: [100, 100], noise: 2 };
export const nodePowerStateSchema = z.object({
  line: recursiveLeastSquaresStateSchema,
  errors: errorBookStateSchema,
  forest: z.json(),
});

/** Errors that both must have shown before the forest may take the line's place; and by what share it must be better. */
const enough = 60;
const clearly = 0.8;

/**
 * Power of one node over its load, learnt twice: by the line idle + busy × load, which holds at one frequency, and by a small forest, which follows the bends
 * that governors and turbo make. The one that was less off predicts.
 */
export class NodePower {
  #line = new RecursiveLeastSquares(prior);
  readonly #errors = new ErrorBook();
  readonly #forest: RegressionForest;

  /** `random` makes the same forest of the same readings. */
  constructor(random: () => number) {
    this.#forest = new RegressionForest(
      { prior: { value: 30, deviation: 100 }, trees: 10, depth: 4, most: 300, refitAfter: 120 },
      random,
    );
  }

  get samples(): number {
    return this.#line.samples;
  }
  get by(): 'line' | 'forest' {
    const [line, forest] = [this.#errors, this.#forest.errors];
    const areKnown = line.count >= enough && forest.count >= enough && this.#forest.trees.length > 0;
    return areKnown && forest.meanAbsolute! < clearly * line.meanAbsolute! ? 'forest' : 'line';
  }
  /** W that the one that predicts was off of late; null before that is known. */
  get meanError(): number | null {
    return (this.by === 'forest' ? this.#forest.errors : this.#errors).meanAbsolute ?? null;
  }
  /** For people: why that one, and what it has learnt. */
  get told(): Required<Pick<LearntPlace, 'why' | 'weights'>> {
    const isForest = this.by === 'forest';
    const [idle = 0, busy = 0] = this.#line.weights;
    const weights = isForest
      ? splitWeights(this.#forest, ['Load'])
      : [
          { feature: 'Idle', value: idle, unit: 'W' },
          { feature: 'Load', value: busy, unit: 'W at full load' },
        ];
    const [line, forest] = [this.#errors, this.#forest.errors];
    return { why: whyForestOrLine({ isForest, forest, line, enough, clearly, unit: 'W' }), weights };
  }
  /** W without any load, at least 0. */
  get idleW(): number {
    return this.by === 'forest' ? Math.max(this.#forest.predict([0]).value, 0) : Math.max(this.#line.weights[0] ?? 0, 0);
  }

  /** @param load 0–1 */
  learn(load: number, watts: number): void {
    if (!isUsable([load], watts)) return;
    if (this.#line.samples > 0) this.#errors.add(watts - this.#line.predict([1, load]).value);
    this.#forest.learn([load], watts);
    this.#line.update([1, load], watts);
  }

  /** W at a load. */
  at(load: Expression): Expression {
    if (this.by === 'forest') return treesOf([load], [...this.#forest.trees], 1 / this.#forest.trees.length);
    const [, busy = 0] = this.#line.weights;
    return add(this.idleW, multiply(Math.max(busy, 0), load));
  }

  /** Standard deviation at a load, W. */
  deviation(load: number): number {
    return this.by === 'forest' ? this.#forest.predict([load]).deviation : this.#line.predict([1, load]).deviation;
  }

  state(): z.infer<typeof nodePowerStateSchema> {
    return { line: this.#line.state(), errors: this.#errors.state(), forest: this.#forest.state() };
  }

  restore(state: Json): void {
    const { line, errors, forest } = nodePowerStateSchema.parse(state);
    this.#line = RecursiveLeastSquares.restore(line);
    this.#errors.restore(errors);
    this.#forest.restore(forest);
  }
}
