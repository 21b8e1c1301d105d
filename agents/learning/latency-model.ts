import { z } from 'zod';
import { type Prediction, RecursiveLeastSquares, recursiveLeastSquaresStateSchema } from './recursive-least-squares.ts';

export const latencyModelStateSchema = z.record(z.string(), recursiveLeastSquaresStateSchema);

/** What latency is made of on one node: ms without anything, ms per unit of the covariate, ms when all of the node is busy with others. */
export interface LatencyWeights {
  intercept: number;
  perUnit: number;
  perLoad: number;
  /** Samples seen on that node itself; 0 when it is told from others by their speed. */
  samples: number;
}

/** Relative doubt about a slope that was carried over from a node of another speed. */
const carriedDoubt = 0.25;

/** Fewer people, or an idle node, may make it faster than was ever seen; by more than this is not credible. */
const leastShare = 0.25;

/**
 * Latency of a component on each node as a line in a covariate (people in view) and in what else is running there. Each node learns its
 * own; one that was never tried starts from the best known node, its slope scaled by the ratio of speeds.
 */
export class LatencyModel {
  readonly #models = new Map<string, RecursiveLeastSquares>();
  /** The fastest that was ever seen, and where. Not kept over a restart: it is soon seen again. */
  #fastest: { node: string; latencyMs: number } | undefined;
  /** Size of latencies that are expected at all, in ms: sets how wide the first guess is. */
  readonly #scaleMs: number;

  constructor(scaleMs: number) {
    this.#scaleMs = scaleMs;
  }

  /** `speedOf` gives a node's relative speed; any unit, all the same. */
  learn(node: string, covariate: number, load: number, latencyMs: number, speedOf: (node: string) => number): void {
    let model = this.#models.get(node);
    if (!model) {
      const prior = this.weights(node, speedOf);
      const scale = this.#scaleMs;
      model = new RecursiveLeastSquares({
        weights: [prior.intercept, prior.perUnit, prior.perLoad],
        deviations: [scale / 2, scale / 2, scale / 4],
        noise: scale / 10,
      });
      this.#models.set(node, model);
    }
    model.update([1, covariate, load], latencyMs);
    if (latencyMs < (this.#fastest?.latencyMs ?? Number.POSITIVE_INFINITY)) this.#fastest = { node, latencyMs };
  }

  weights(node: string, speedOf: (node: string) => number): LatencyWeights {
    const own = this.#models.get(node);
    if (own) return { ...named(own.weights), samples: own.samples };
    const [teacher, model] = this.#bestKnown() ?? [];
    if (teacher === undefined || model === undefined) return { intercept: 0, perUnit: 0, perLoad: this.#scaleMs / 2, samples: 0 };
    const { intercept, perUnit, perLoad } = named(model.weights);
    return { intercept, perUnit: perUnit * (speedOf(teacher) / speedOf(node)), perLoad, samples: 0 };
  }

  /** ms that no prediction goes below, as a line fitted under load may: a quarter of the fastest seen, less on a faster node. */
  leastMs(node: string, speedOf: (node: string) => number): number {
    if (!this.#fastest) return 0;
    return leastShare * this.#fastest.latencyMs * Math.min(1, speedOf(this.#fastest.node) / speedOf(node));
  }

  predict(node: string, covariate: number, load: number, speedOf: (node: string) => number): Prediction {
    const own = this.#models.get(node);
    if (own) return own.predict([1, covariate, load]);
    const { intercept, perUnit, perLoad } = this.weights(node, speedOf);
    const [, model] = this.#bestKnown() ?? [];
    const inherited = model?.predict([1, covariate, load]).deviation ?? this.#scaleMs;
    return {
      value: intercept + perUnit * covariate + perLoad * load,
      deviation: Math.hypot(inherited, carriedDoubt * perUnit * covariate),
    };
  }

  state(): z.infer<typeof latencyModelStateSchema> {
    return Object.fromEntries([...this.#models].map(([node, model]) => [node, model.state()]));
  }

  restore(state: z.infer<typeof latencyModelStateSchema>): void {
    for (const [node, saved] of Object.entries(state)) this.#models.set(node, RecursiveLeastSquares.restore(saved));
  }

  #bestKnown(): [string, RecursiveLeastSquares] | undefined {
    let best: [string, RecursiveLeastSquares] | undefined;
    for (const entry of this.#models) if (!best || entry[1].samples > best[1].samples) best = entry;
    return best;
  }
}

const named = ([intercept = 0, perUnit = 0, perLoad = 0]: readonly number[]) => ({ intercept, perUnit, perLoad });
