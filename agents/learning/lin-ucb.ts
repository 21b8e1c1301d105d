import { z } from 'zod';
import { add, type Expression, multiply, premise } from '../decision/expression.ts';
import type { Json } from './predictor.ts';
import type { Prediction } from './recursive-least-squares.ts';

const armSchema = z.object({ inverse: z.array(z.array(z.number())), rewards: z.array(z.number()), pulls: z.number().int() });
const stateSchema = z.record(z.string(), armSchema);
type Arm = z.infer<typeof armSchema>;

/**
 * LinUCB with disjoint arms (Li et al., A contextual-bandit approach to personalized news article recommendation, WWW 2010, algorithm 1): each
 * arm (a node to place on) learns its reward as a line in the context; the choice is the arm whose reward may be highest, so that what is
 * uncertain is tried. The inverse of A = I + Σ x xᵀ is kept exactly by Sherman and Morrison's formula.
 */
export class LinUcb {
  readonly #arms = new Map<string, Arm>();
  readonly #dimensions: number;
  readonly #alpha: number;

  /** `alpha`: how many deviations of doubt count as reward; 0 never explores. */
  constructor(dimensions: number, alpha = 1) {
    this.#dimensions = dimensions;
    this.#alpha = alpha;
  }

  /** Expected reward θᵀx, and how uncertain that expectation is: √(xᵀA⁻¹x). @throws RangeError when the context has another size. */
  predict(arm: string, context: readonly number[]): Prediction {
    this.#check(context);
    const { inverse } = this.#arm(arm);
    return { value: dot(this.weights(arm), context), deviation: Math.sqrt(Math.max(dot(context, times(inverse, context)), 0)) };
  }

  /** What an arm is chosen by: expected reward + alpha × uncertainty. */
  bound(arm: string, context: readonly number[]): number {
    const { value, deviation } = this.predict(arm, context);
    return value + this.#alpha * deviation;
  }

  /** The arm with the highest bound, the first of equals; `isExploration` when it is not the one of the highest expected reward. @throws RangeError without arms. */
  choose(arms: readonly string[], context: readonly number[]): { arm: string; isExploration: boolean } {
    const best = (of: (arm: string) => number): string => {
      const [first, ...others] = arms;
      if (first === undefined) throw new RangeError('there is no arm to choose from');
      return others.reduce((top, arm) => (of(arm) > of(top) ? arm : top), first);
    };
    const arm = best((one) => this.bound(one, context));
    const expected = (one: string): number => this.predict(one, context).value;
    return { arm, isExploration: expected(arm) < expected(best(expected)) };
  }

  /** Values that are not finite are passed over. */
  learn(arm: string, context: readonly number[], reward: number): void {
    this.#check(context);
    if (!Number.isFinite(reward) || !context.every(Number.isFinite)) return;
    const { inverse, rewards, pulls } = this.#arm(arm);
    const projected = times(inverse, context);
    const denominator = 1 + dot(context, projected);
    this.#arms.set(arm, {
      inverse: inverse.map((row, i) => row.map((value, j) => value - (projected[i]! * projected[j]!) / denominator)),
      rewards: rewards.map((value, i) => value + reward * context[i]!),
      pulls: pulls + 1,
    });
  }

  /** θ = A⁻¹b, ridge regression on what the arm has given. */
  weights(arm: string): number[] {
    const { inverse, rewards } = this.#arm(arm);
    return times(inverse, rewards);
  }

  /** Those that something was learnt of. */
  get arms(): string[] {
    return [...this.#arms.keys()];
  }

  pulls(arm: string): number {
    return this.#arm(arm).pulls;
  }

  /** The arm's bound as data over premises, one for each dimension: the reward as a line, the doubt as it is under `context`. */
  expression(arm: string, premiseIds: readonly string[], context: readonly number[]): Expression {
    const weights = this.weights(arm);
    const doubt = this.#alpha * this.predict(arm, context).deviation;
    return add(doubt, ...premiseIds.map((id, index) => multiply(weights[index] ?? 0, premise(id))));
  }

  state(): Json {
    return structuredClone(Object.fromEntries(this.#arms));
  }

  restore(state: Json): void {
    const saved = stateSchema.parse(state);
    for (const [name, arm] of Object.entries(saved)) {
      if (arm.rewards.length !== this.#dimensions)
        throw new RangeError(`arm ${name} has ${arm.rewards.length} dimensions, not ${this.#dimensions}`);
      this.#arms.set(name, arm);
    }
  }

  #arm(name: string): Arm {
    const indices = Array.from({ length: this.#dimensions }, (_, index) => index);
    return (
      this.#arms.get(name) ?? {
        inverse: indices.map((i) => indices.map((j) => (i === j ? 1 : 0))),
        rewards: indices.map(() => 0),
        pulls: 0,
      }
    );
  }

  #check(context: readonly number[]): void {
    if (context.length !== this.#dimensions)
      throw new RangeError(`the context has ${context.length} dimensions, not ${this.#dimensions}`);
  }
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const times = (matrix: readonly (readonly number[])[], vector: readonly number[]): number[] =>
  matrix.map((row) => dot(row, vector));
