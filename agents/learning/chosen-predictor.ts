import { z } from 'zod';
import type { Expression } from '../decision/expression.ts';
import type { ErrorBook, Json, Predictor } from './predictor.ts';
import type { Prediction } from './recursive-least-squares.ts';

/** Errors of its own that a model must have shown before it may replace the first. */
const enough = 20;
/** A model must be better by this share to take over: two that are alike should not alternate. */
const clearly = 0.95;

/** Several learners of the same figure, all taught alike; the one that was least off of late predicts, and says so. */
export class ChosenPredictor implements Predictor {
  readonly #models: Record<string, Predictor>;
  #chosen: string;

  /** The first one predicts until another has shown itself better. @throws RangeError when there is none. */
  constructor(models: Record<string, Predictor>) {
    const [first] = Object.keys(models);
    if (first === undefined) throw new RangeError('there is no model to choose from');
    this.#models = models;
    this.#chosen = first;
  }

  get chosen(): string {
    return this.#chosen;
  }
  get errors(): ErrorBook {
    return this.#model.errors;
  }

  /** "forest: off by 3.2 ms over the last 100; line: 7.9 ms". */
  why(unit: string): string {
    const off = (model: Predictor): string => `${Number((model.errors.meanAbsolute ?? 0).toPrecision(2))} ${unit}`.trim();
    const others = Object.entries(this.#models).filter(([name, { errors }]) => name !== this.#chosen && errors.count > 0);
    const own = `${this.#chosen}: off by ${off(this.#model)} over the last ${this.errors.count}`;
    return [own, ...others.map(([name, model]) => `${name}: ${off(model)}`)].join('; ');
  }

  predict(features: readonly number[]): Prediction {
    return this.#model.predict(features);
  }

  learn(features: readonly number[], actual: number): void {
    for (const model of Object.values(this.#models)) model.learn(features, actual);
    for (const [name, { errors }] of Object.entries(this.#models))
      if (errors.count >= enough && errors.meanAbsolute! < clearly * (this.errors.meanAbsolute ?? Number.POSITIVE_INFINITY))
        this.#chosen = name;
  }

  expression(premiseIds: readonly string[]): Expression {
    return this.#model.expression(premiseIds);
  }

  state(): Json {
    return {
      chosen: this.#chosen,
      models: Object.fromEntries(Object.entries(this.#models).map(([name, model]) => [name, model.state()])),
    };
  }

  /** Models that were not there when it was saved start anew. */
  restore(state: Json): void {
    const saved = z.object({ chosen: z.string(), models: z.record(z.string(), z.json()) }).parse(state);
    for (const [name, model] of Object.entries(this.#models)) {
      const own = saved.models[name];
      if (own !== undefined) model.restore(own);
    }
    if (this.#models[saved.chosen]) this.#chosen = saved.chosen;
  }

  get #model(): Predictor {
    return this.#models[this.#chosen]!;
  }
}
