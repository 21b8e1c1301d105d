import { z } from 'zod';
import { constant, type Expression, premise, treesOf } from '../decision/expression.ts';
import { type Tree, treesSchema, walk } from '../decision/trees.ts';
import { ErrorBook, errorBookStateSchema, isUsable, type Json, type Predictor } from './predictor.ts';
import type { Prediction } from './recursive-least-squares.ts';
import { growTree, type Sample } from './regression-tree.ts';

const stateSchema = z.object({
  samples: z.array(z.object({ features: z.array(z.number()), actual: z.number() })),
  next: z.number().int().min(0),
  unseen: z.number().int().min(0),
  trees: treesSchema,
  errors: errorBookStateSchema,
});

export interface ForestOptions {
  /** What is predicted before anything is known. */
  prior: Prediction;
  trees: number;
  depth: number;
  leastLeaf: number;
  /** Samples kept: the newest, each with the same say. */
  most: number;
  /** New samples after which the trees are grown anew. */
  refitAfter: number;
  /** Work done by one `learn`, in samples × features: 5,000 are about 1 ms. A whole forest takes many of them. */
  slice: number;
}

const defaults: Omit<ForestOptions, 'prior'> = { trees: 20, depth: 5, leastLeaf: 4, most: 400, refitAfter: 40, slice: 5000 };

/**
 * A small random forest for regression (Breiman 2001) that learns as samples come: the newest are kept, and trees are grown anew on bootstrap
 * samples of them, a slice at each sample, so that no call takes long. Its uncertainty is how far its trees are apart together with how far off
 * it was of late. The same samples and the same random numbers give the same forest.
 */
export class RegressionForest implements Predictor {
  readonly errors = new ErrorBook();
  readonly #options: ForestOptions;
  readonly #random: () => number;
  /** A ring: `#next` is the place of the oldest once it is full. */
  #samples: Sample[] = [];
  #next = 0;
  #unseen = 0;
  #trees: Tree[] = [];
  #growing: Generator<number, Tree[]> | undefined;

  constructor(options: Partial<ForestOptions> & Pick<ForestOptions, 'prior'>, random: () => number) {
    this.#options = { ...defaults, ...options };
    this.#random = random;
  }

  get trees(): readonly Tree[] {
    return this.#trees;
  }

  /** Of each feature, the share of all splits that are on it; 0 for all while there is none. */
  splitShares(features: number): number[] {
    const counts = Array.from({ length: features }, () => 0);
    for (const node of this.#trees.flat()) if (node.length === 4) counts[node[0]]!++;
    const total = counts.reduce((sum, count) => sum + count, 0);
    return counts.map((count) => (total === 0 ? 0 : count / total));
  }

  predict(features: readonly number[]): Prediction {
    if (this.#trees.length === 0) return this.#options.prior;
    const leaves = this.#trees.map((tree) => walk(tree, features));
    const value = leaves.reduce((sum, leaf) => sum + leaf, 0) / leaves.length;
    const spread = leaves.reduce((sum, leaf) => sum + (leaf - value) ** 2, 0) / leaves.length;
    return { value, deviation: Math.sqrt(spread + (this.errors.meanSquare ?? this.#options.prior.deviation ** 2)) };
  }

  learn(features: readonly number[], actual: number): void {
    if (!isUsable(features, actual)) return;
    // Errors of the prior say nothing of the forest.
    if (this.#trees.length > 0) this.errors.add(actual - this.predict(features).value);
    this.#samples[this.#next] = { features: [...features], actual };
    this.#next = (this.#next + 1) % this.#options.most;
    this.#unseen++;
    if (!this.#growing && this.#unseen >= this.#options.refitAfter) {
      this.#unseen = 0;
      this.#growing = this.#grow([...this.#samples]);
    }
    this.#advance();
  }

  /** Trees over the premises; before there are any, the prior. */
  expression(premiseIds: readonly string[]): Expression {
    if (this.#trees.length === 0) return constant(this.#options.prior.value);
    return treesOf(premiseIds.map(premise), this.#trees, 1 / this.#trees.length);
  }

  /** What is being grown is not kept: it is begun again with the next samples. */
  state(): Json {
    const samples = this.#samples.map(({ features, actual }) => ({ features: [...features], actual }));
    return { samples, next: this.#next, unseen: this.#unseen, trees: this.#trees, errors: this.errors.state() };
  }

  restore(state: Json): void {
    const saved = stateSchema.parse(state);
    this.#samples = saved.samples.slice(0, this.#options.most);
    this.#next = saved.next % this.#options.most;
    this.#unseen = saved.unseen;
    this.#trees = saved.trees;
    this.#growing = undefined;
    this.errors.restore(saved.errors);
  }

  #advance(): void {
    let work = 0;
    while (this.#growing && work < this.#options.slice) {
      const step = this.#growing.next();
      if (step.done) {
        this.#trees = step.value;
        this.#growing = undefined;
      } else work += step.value;
    }
  }

  *#grow(samples: readonly Sample[]): Generator<number, Tree[]> {
    const { trees: count, depth, leastLeaf } = this.#options;
    // A third of the features for each split, as is usual for regression.
    const tried = Math.max(1, Math.ceil(samples[0]!.features.length / 3));
    const trees: Tree[] = [];
    for (let index = 0; index < count; index++) {
      const drawn = samples.map(() => samples[Math.floor(this.#random() * samples.length)]!);
      trees.push(yield* growTree(drawn, { depth, leastLeaf, tried }, this.#random));
    }
    return trees;
  }
}
