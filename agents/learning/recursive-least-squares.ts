import { z } from 'zod';

export const recursiveLeastSquaresStateSchema = z.object({
  weights: z.array(z.number()),
  covariance: z.array(z.array(z.number())),
  noiseVariance: z.number(),
  traceLimit: z.number(),
  samples: z.number().int(),
});
export type RecursiveLeastSquaresState = z.infer<typeof recursiveLeastSquaresStateSchema>;

export interface Prediction {
  value: number;
  /** Standard deviation of a new observation. */
  deviation: number;
}

/**
 * Linear regression that learns one sample at a time, old samples fading by `forgetting` (Haykin, Adaptive Filter Theory, ch. 10). Starts
 * from a prior: weights and how uncertain each is.
 */
export class RecursiveLeastSquares {
  #weights: number[];
  /** In units of the noise variance, so that how fast it adapts does not hang on the estimate of the noise. */
  readonly #covariance: number[][];
  /** Variance of what the model cannot explain, in squared units of the target. */
  #noiseVariance: number;
  #samples = 0;
  readonly #forgetting: number;
  /** Forgetting lets uncertainty grow where nothing new is learnt; past the prior's own it must not, or it would blow up. */
  #traceLimit: number;

  /** `deviations`: standard deviation of each prior weight. `noise`: standard deviation of one observation. */
  constructor(prior: { weights: number[]; deviations: number[]; noise: number }, forgetting = 0.995) {
    this.#weights = [...prior.weights];
    this.#covariance = prior.deviations.map((deviation, i) =>
      prior.deviations.map((_, j) => (i === j ? (deviation / prior.noise) ** 2 : 0)),
    );
    this.#noiseVariance = prior.noise ** 2;
    this.#forgetting = forgetting;
    this.#traceLimit = prior.deviations.reduce((sum, deviation) => sum + (deviation / prior.noise) ** 2, 0);
  }

  static restore(state: RecursiveLeastSquaresState, forgetting?: number): RecursiveLeastSquares {
    const deviations = state.weights.map(() => 1);
    const model = new RecursiveLeastSquares({ weights: state.weights, deviations, noise: 1 }, forgetting);
    for (const [i, row] of state.covariance.entries()) model.#covariance[i] = [...row];
    model.#noiseVariance = state.noiseVariance;
    model.#traceLimit = state.traceLimit;
    model.#samples = state.samples;
    return model;
  }

  get weights(): readonly number[] {
    return this.#weights;
  }
  get samples(): number {
    return this.#samples;
  }

  /** Learns that `features` came with `target`. Values that are not finite are passed over. */
  update(features: readonly number[], target: number): void {
    if (!Number.isFinite(target) || !features.every(Number.isFinite)) return;
    const size = features.length;
    const covariance = this.#covariance;
    const projected = covariance.map((row) => dot(row, features));
    const spread = dot(features, projected);
    const error = target - dot(this.#weights, features);
    const denominator = this.#forgetting + spread;
    const gain = projected.map((value) => value / denominator);
    this.#weights = this.#weights.map((weight, i) => weight + gain[i]! * error);
    // Joseph's form: the plain difference loses its symmetry, then its sign, over thousands of updates that bring nothing new in some direction.
    const { rest, part, shrunk } = matricesOf(size);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) rest[i * size + j] = (i === j ? 1 : 0) - gain[i]! * features[j]!;
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        let sum = 0;
        for (let k = 0; k < size; k++) sum += rest[i * size + k]! * covariance[k]![j]!;
        part[i * size + j] = sum;
      }
    let trace = 0;
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        let sum = 0;
        for (let k = 0; k < size; k++) sum += part[i * size + k]! * rest[j * size + k]!;
        shrunk[i * size + j] = sum + this.#forgetting * gain[i]! * gain[j]!;
        if (i === j) trace += shrunk[i * size + j]!;
      }
    const factor = trace / this.#forgetting < this.#traceLimit ? this.#forgetting : 1;
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) covariance[i]![j] = (shrunk[i * size + j]! + shrunk[j * size + i]!) / (2 * factor);
    this.#samples++;
    // The residual after the update understates the noise, the one before it holds the model's own error: it is discounted by its expectation.
    const share = Math.max(1 / (this.#samples + 10), 0.02);
    const explained = (error ** 2 * this.#forgetting) / denominator;
    this.#noiseVariance = Math.max((1 - share) * this.#noiseVariance + share * explained, 1e-9);
  }

  predict(features: readonly number[]): Prediction {
    const projected = this.#covariance.map((row) => dot(row, features));
    return {
      value: dot(this.#weights, features),
      deviation: Math.sqrt(this.#noiseVariance * (1 + Math.max(dot(features, projected), 0))),
    };
  }

  state(): RecursiveLeastSquaresState {
    return {
      weights: [...this.#weights],
      covariance: this.#covariance.map((row) => [...row]),
      noiseVariance: this.#noiseVariance,
      traceLimit: this.#traceLimit,
      samples: this.#samples,
    };
  }
}

interface Matrices {
  rest: Float64Array;
  part: Float64Array;
  shrunk: Float64Array;
}
const matrices = new Map<number, Matrices>();
/** Room for the steps of one update, row by row: a cluster's agent learns of a thousand nodes each second. */
function matricesOf(size: number): Matrices {
  const make = () => new Float64Array(size * size);
  const room = matrices.get(size) ?? { rest: make(), part: make(), shrunk: make() };
  matrices.set(size, room);
  return room;
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
