import { z } from 'zod';
import { add, type Expression, multiply, premise } from '../decision/expression.ts';
import { ErrorBook, errorBookStateSchema, isUsable, type Json, type Predictor } from './predictor.ts';
import { type Prediction, RecursiveLeastSquares, recursiveLeastSquaresStateSchema } from './recursive-least-squares.ts';

const stateSchema = z.object({ model: recursiveLeastSquaresStateSchema, errors: errorBookStateSchema });

/** A line in the features, by recursive least squares. The first weight is the intercept's. */
export class LinearPredictor implements Predictor {
  #model: RecursiveLeastSquares;
  readonly errors = new ErrorBook();
  readonly #forgetting: number | undefined;

  /** `weights` and `deviations` of the prior have one entry more than there are features: the intercept's, first. */
  constructor(prior: { weights: number[]; deviations: number[]; noise: number }, forgetting?: number) {
    this.#forgetting = forgetting;
    this.#model = new RecursiveLeastSquares(prior, forgetting);
  }

  predict(features: readonly number[]): Prediction {
    return this.#model.predict([1, ...features]);
  }

  learn(features: readonly number[], actual: number): void {
    if (!isUsable(features, actual)) return;
    this.errors.add(actual - this.predict(features).value);
    this.#model.update([1, ...features], actual);
  }

  expression(premiseIds: readonly string[]): Expression {
    const [intercept = 0, ...slopes] = this.#model.weights;
    return add(intercept, ...premiseIds.map((id, index) => multiply(slopes[index] ?? 0, premise(id))));
  }

  state(): Json {
    return { model: this.#model.state(), errors: this.errors.state() } satisfies z.infer<typeof stateSchema>;
  }

  restore(state: Json): void {
    const saved = stateSchema.parse(state);
    this.#model = RecursiveLeastSquares.restore(saved.model, this.#forgetting);
    this.errors.restore(saved.errors);
  }
}
