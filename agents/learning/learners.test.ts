import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluate, expressionSchema } from '../decision/expression.ts';
import { ChosenPredictor } from './chosen-predictor.ts';
import { LinUcb } from './lin-ucb.ts';
import { LinearPredictor } from './linear-predictor.ts';
import { Places } from './places.ts';
import { RegressionForest } from './regression-forest.ts';
import { growTree, type Sample } from './regression-tree.ts';

/** Random numbers of a fixed seed (a linear congruential generator), as the agents' clock and randomness are given. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
const prior = { value: 50, deviation: 25 };
const forest = (seed = 1) => new RegressionForest({ prior }, randomOf(seed));
const line = () => new LinearPredictor({ weights: [0, 0, 0], deviations: [50, 50, 50], noise: 5 });
/** Latency that jumps when the queue is full: no line is like it. */
const queueing = (people: number, load: number): number => (people > 6 ? 150 : 20) + (load > 0.7 ? 40 : 0);
const bend = (predictor: { learn(features: number[], actual: number): void }, count: number, random = randomOf(5)): void => {
  for (let i = 0; i < count; i++) {
    const [people, load] = [random() * 14, random()];
    predictor.learn([people, load], queueing(people, load) + (random() - 0.5) * 4);
  }
};

test('a tree splits where the squared error is least, by trying every split', () => {
  const small = fc.integer({ min: -3, max: 3 });
  const sample = fc.record({ features: fc.tuple(small, small), actual: small });
  const error = (samples: readonly Sample[]): number => {
    const mean = samples.reduce((sum, { actual }) => sum + actual, 0) / (samples.length || 1);
    return samples.reduce((sum, { actual }) => sum + (actual - mean) ** 2, 0);
  };
  fc.assert(
    fc.property(fc.array(sample, { minLength: 4, maxLength: 12 }), (samples: Sample[]) => {
      const growing = growTree(samples, { depth: 1, leastLeaf: 2, tried: 2 }, randomOf(1));
      let step = growing.next();
      while (!step.done) step = growing.next();
      const parted = (feature: number, threshold: number): number => {
        const left = samples.filter(({ features }) => features[feature]! <= threshold);
        const right = samples.filter(({ features }) => features[feature]! > threshold);
        return left.length < 2 || right.length < 2 ? Number.POSITIVE_INFINITY : error(left) + error(right);
      };
      const all = [0, 1].flatMap((feature) => samples.map(({ features }) => parted(feature, features[feature]!)));
      const [root] = step.value;
      const found = root!.length === 4 ? parted(root![0], root![1]) : error(samples);
      expect(found).toBeCloseTo(Math.min(error(samples), ...all), 9);
    }),
  );
});

test('a forest learns what no line can, says how sure it is, and is the same from the same random numbers', () => {
  const [one, two] = [forest(), forest()];
  expect(one.predict([3, 0.5])).toEqual(prior);
  expect(one.splitShares(2)).toEqual([0, 0]);
  bend(one, 600);
  bend(two, 600);
  expect(Math.abs(one.predict([3, 0.5]).value - 20)).toBeLessThan(5);
  expect(Math.abs(one.predict([10, 0.9]).value - 190)).toBeLessThan(10);
  expect(one.predict([10, 0.9])).toEqual(two.predict([10, 0.9]));
  const [people = 0, load = 0] = one.splitShares(2);
  expect(people + load).toBeCloseTo(1);
  expect(Math.min(people, load)).toBeGreaterThan(0.1);
  // Near the jump it is less sure than far from it.
  expect(one.predict([6, 0.5]).deviation).toBeGreaterThan(one.predict([2, 0.5]).deviation);
  one.learn([Number.NaN, 1], 5);
  one.learn([1, 1], Number.POSITIVE_INFINITY);
  expect(one.predict([10, 0.9])).toEqual(two.predict([10, 0.9]));
});

test('a forest as an expression gives what it predicts, after a record was written and read too', () => {
  const model = forest();
  expect(evaluate(model.expression(['people', 'load']), { people: 1, load: 1 })).toBe(prior.value);
  bend(model, 300);
  const expression = expressionSchema.parse(JSON.parse(JSON.stringify(model.expression(['people', 'load']))));
  for (const [people, load] of [
    [0, 0],
    [6.2, 0.71],
    [14, 1],
  ] as const)
    expect(evaluate(expression, { people, load })).toBeCloseTo(model.predict([people, load]).value, 9);
});

test('a forest grows in slices: trees change only after many samples, never all in one', () => {
  const model = new RegressionForest({ prior, slice: 200, refitAfter: 50, most: 100 }, randomOf(2));
  bend(model, 50);
  expect(model.trees).toEqual([]);
  const random = randomOf(3);
  let samples = 0;
  while (model.trees.length === 0 && samples < 1000) {
    bend(model, 1, random);
    samples++;
  }
  // 20 trees of 50 samples, at least one feature on some levels: several slices of 200.
  expect(samples).toBeGreaterThan(5);
  expect(samples).toBeLessThan(100);
});

test('what was learnt survives a restart, of each learner by its place', () => {
  const make = () => new Places(() => new ChosenPredictor({ line: line(), forest: forest() }));
  const before = make();
  bend(before.of('latency_ms', 'classifier', 'worker-1'), 400);
  bend(before.of('power_w', '', 'worker-1'), 30);
  const after = make();
  after.restore(JSON.parse(JSON.stringify(before.state())));
  for (const [metric, component] of [
    ['latency_ms', 'classifier'],
    ['power_w', ''],
  ] as const)
    expect(after.of(metric, component, 'worker-1').predict([8, 0.2])).toEqual(
      before.of(metric, component, 'worker-1').predict([8, 0.2]),
    );
  expect(() => make().restore({ x: 'nonsense' })).toThrow();
});

test('of several learners the one that is least off predicts, and says so', () => {
  const bent = new ChosenPredictor({ line: line(), forest: forest() });
  expect(bent.chosen).toBe('line');
  bend(bent, 500);
  expect(bent.chosen).toBe('forest');
  expect(bent.why('ms')).toMatch(/^forest: off by [\d.]+ ms over the last 100; line: [\d.]+ ms$/);

  const straight = new ChosenPredictor({ forest: forest(), line: line() });
  const random = randomOf(9);
  for (let i = 0; i < 500; i++) {
    const [people, load] = [random() * 14, random()];
    straight.learn([people, load], 10 + 22 * people + 5 * load);
  }
  expect(straight.chosen).toBe('line');
  expect(evaluate(straight.expression(['people', 'load']), { people: 3, load: 0 })).toBeCloseTo(76, 1);
});

/** x of A x = b by elimination: what LinUCB's running inverse is held against. */
function solve(a: number[][], b: number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i]!]);
  for (let i = 0; i < rows.length; i++) {
    const pivot = rows.slice(i).reduce((top, row) => (Math.abs(row[i]!) > Math.abs(top[i]!) ? row : top));
    const at = rows.indexOf(pivot);
    [rows[i], rows[at]] = [rows[at]!, rows[i]!];
    for (const row of rows) {
      if (row === rows[i]) continue;
      const factor = row[i]! / rows[i]![i]!;
      for (let j = i; j < row.length; j++) row[j]! -= factor * rows[i]![j]!;
    }
  }
  return rows.map((row, i) => row.at(-1)! / row[i]!);
}

test('LinUCB has the weights and the doubt of ridge regression, solved directly', () => {
  const number = fc.double({ min: -3, max: 3, noNaN: true });
  const context = fc.tuple(number, number, number);
  fc.assert(
    fc.property(fc.array(fc.tuple(context, number), { maxLength: 30 }), context, (pulls, asked) => {
      const bandit = new LinUcb(3, 1);
      const a = [0, 1, 2].map((i) => [0, 1, 2].map((j) => Number(i === j)));
      const b = [0, 0, 0];
      for (const [x, reward] of pulls) {
        bandit.learn('arm', x, reward);
        for (const i of [0, 1, 2]) {
          b[i]! += reward * x[i]!;
          for (const j of [0, 1, 2]) a[i]![j]! += x[i]! * x[j]!;
        }
      }
      const dot = (u: number[], v: number[]): number => u.reduce((sum, value, i) => sum + value * v[i]!, 0);
      const { value, deviation } = bandit.predict('arm', asked);
      expect(value).toBeCloseTo(dot(solve(a, b), asked), 6);
      expect(deviation).toBeCloseTo(Math.sqrt(Math.max(dot(asked, solve(a, asked)), 0)), 6);
      const copy = new LinUcb(3, 1);
      copy.restore(JSON.parse(JSON.stringify(bandit.state())));
      expect(copy.bound('arm', asked)).toBe(bandit.bound('arm', asked));
      const premises = { a: asked[0], b: asked[1], c: asked[2] };
      expect(evaluate(bandit.expression('arm', ['a', 'b', 'c'], asked), premises)).toBeCloseTo(bandit.bound('arm', asked), 9);
    }),
  );
  expect(() => new LinUcb(2).predict('arm', [1])).toThrow('1 dimensions, not 2');
});

test('LinUCB tries every node, then places where the context says', () => {
  const bandit = new LinUcb(2, 1);
  const random = randomOf(4);
  const nodes = ['near', 'fast', 'slow'];
  /** Near is good while few people are in view, fast when many are, slow never. */
  const reward = (node: string, crowd: number): number =>
    ({ near: 1 - crowd, fast: crowd, slow: 0 })[node]! + (random() - 0.5) * 0.1;
  let regret = 0;
  for (let round = 0; round < 600; round++) {
    const crowd = random();
    const { arm } = bandit.choose(nodes, [1, crowd]);
    bandit.learn(arm, [1, crowd], reward(arm, crowd));
    if (round >= 300) regret += Math.max(1 - crowd, crowd) - { near: 1 - crowd, fast: crowd, slow: 0 }[arm as 'near'];
  }
  expect(nodes.every((node) => bandit.pulls(node) > 0)).toBe(true);
  expect(bandit.choose(nodes, [1, 0.1]).arm).toBe('near');
  expect(bandit.choose(nodes, [1, 0.9]).arm).toBe('fast');
  // Chance alone would lose 0.42 a round.
  expect(regret / 300).toBeLessThan(0.02);
});
