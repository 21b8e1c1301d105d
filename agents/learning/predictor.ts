import { z } from 'zod';
import type { Expression } from '../decision/expression.ts';
import type { Prediction } from './recursive-least-squares.ts';

export type Json = z.infer<ReturnType<typeof z.json>>;

/** A learner of one figure (latency in ms, power in W, …) from features. What order features are in is its user's to keep. */
export interface Predictor {
  predict(features: readonly number[]): Prediction;
  /** Learns that `features` came with `actual`. What is not finite is passed over. */
  learn(features: readonly number[], actual: number): void;
  /** The prediction as data over premises, one for each feature, so that a record can be re-scored and explained. */
  expression(premiseIds: readonly string[]): Expression;
  /** How far off its predictions were when the actual value came, before it learnt from it. */
  readonly errors: ErrorBook;
  state(): Json;
  /** @throws z.ZodError when `state` is not one of its own. */
  restore(state: Json): void;
}

export const errorBookStateSchema = z.array(z.number());

/** The last prediction errors, in the unit of what is predicted. */
export class ErrorBook {
  #errors: number[] = [];
  readonly #most: number;

  constructor(most = 100) {
    this.#most = most;
  }

  add(error: number): void {
    this.#errors.push(error);
    if (this.#errors.length > this.#most) this.#errors.shift();
  }

  get count(): number {
    return this.#errors.length;
  }
  /** undefined before there is any. */
  get meanAbsolute(): number | undefined {
    return this.#mean(Math.abs);
  }
  /** Mean of squares; undefined before there is any. */
  get meanSquare(): number | undefined {
    return this.#mean((error) => error * error);
  }

  state(): number[] {
    return [...this.#errors];
  }
  restore(state: Json): void {
    this.#errors = errorBookStateSchema.parse(state).slice(-this.#most);
  }

  #mean(of: (error: number) => number): number | undefined {
    if (this.#errors.length === 0) return undefined;
    return this.#errors.reduce((sum, error) => sum + of(error), 0) / this.#errors.length;
  }
}

export const isUsable = (features: readonly number[], actual: number): boolean =>
  Number.isFinite(actual) && features.every(Number.isFinite);
