import { z } from 'zod';
import type { Json, Predictor } from './predictor.ts';

/** One learner for each figure (latency, power) of each component on each node, made when it is first asked for. */
export class Places {
  readonly #predictors = new Map<string, Predictor>();
  readonly #create: () => Predictor;

  constructor(create: () => Predictor) {
    this.#create = create;
  }

  /** `component` is '' for what is of the node as a whole. */
  of(metric: string, component: string, node: string): Predictor {
    const key = JSON.stringify([metric, component, node]);
    const predictor = this.#predictors.get(key) ?? this.#create();
    this.#predictors.set(key, predictor);
    return predictor;
  }

  state(): Json {
    return Object.fromEntries([...this.#predictors].map(([key, predictor]) => [key, predictor.state()]));
  }

  restore(state: Json): void {
    for (const [key, saved] of Object.entries(z.record(z.string(), z.json()).parse(state))) {
      const predictor = this.#create();
      predictor.restore(saved);
      this.#predictors.set(key, predictor);
    }
  }
}
