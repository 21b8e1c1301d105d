import fc from 'fast-check';
import { expect, test } from 'vitest';
import { constant, type Expression, evaluate, premise, treesOf } from '../decision/expression.ts';
import type { Tree } from '../decision/trees.ts';
import { contributions, seeded, shapley } from './contributions.ts';
import { partsOf } from './parts.ts';

/** Shapley values by their definition: the mean of marginal contributions over all orders of arrival. */
function overAllOrders(count: number, worth: (mask: number) => number): number[] {
  const sums = new Array<number>(count).fill(0);
  let orders = 0;
  const visit = (arrived: number, mask: number, steps: [number, number][]): void => {
    if (arrived === count) {
      orders++;
      for (const [player, gain] of steps) sums[player]! += gain;
      return;
    }
    for (let player = 0; player < count; player++) {
      if (mask & (1 << player)) continue;
      const next = mask | (1 << player);
      visit(arrived + 1, next, [...steps, [player, worth(next) - worth(mask)]]);
    }
  };
  visit(0, 0, []);
  return sums.map((sum) => sum / orders);
}

const ids = ['a', 'b', 'c', 'd', 'e'];
type Values = Record<string, number>;
const mixture = (actual: Values, usual: Values, players: string[], mask: number): Values =>
  Object.fromEntries(ids.map((id) => [id, mask & (1 << players.indexOf(id)) ? actual[id]! : usual[id]!]));

/** The same by brute force: every mixture evaluated. */
function bruteForce(expression: Expression, actual: Values, usual: Values): Map<string, number> {
  const values = overAllOrders(ids.length, (mask) => evaluate(expression, mixture(actual, usual, ids, mask)));
  return new Map(ids.map((id, index) => [id, values[index]!]));
}

// Small numbers, so that values fall on thresholds, and on one another, often.
const number = fc.integer({ min: -3, max: 3 });
/** Trees of up to `depth` splits to a leaf, on any of `args` arguments, the same one more than once on a way too. */
function tree(args: number, depth: number): fc.Arbitrary<Tree> {
  const leaf = number.map((value): Tree => [[value]]);
  if (depth === 0) return leaf;
  const split = fc
    .tuple(fc.nat({ max: args - 1 }), number, tree(args, depth - 1), tree(args, depth - 1))
    .map(([argument, threshold, left, right]): Tree => {
      const shift = (part: Tree, by: number): Tree =>
        part.map((node) => (node.length === 1 ? node : [node[0], node[1], node[2] + by, node[3] + by]));
      return [[argument, threshold, 1, 1 + left.length], ...shift(left, 1), ...shift(right, 1 + left.length)];
    });
  return fc.oneof({ weight: 1, arbitrary: leaf }, { weight: 4, arbitrary: split });
}

const { expression } = fc.letrec<{ expression: Expression }>((tie) => {
  const inner = tie('expression');
  const some = fc.array(inner, { minLength: 1, maxLength: 3 });
  const two = fc.tuple(inner, inner);
  return {
    expression: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(...ids).map(premise),
      number.map(constant),
      some.map((args): Expression => ({ op: 'add', args })),
      some.map((args): Expression => ({ op: 'max', args })),
      some.map((args): Expression => ({ op: 'min', args })),
      two.map((args): Expression => ({ op: 'mul', args })),
      two.map((args): Expression => ({ op: 'sub', args })),
      fc.tuple(inner, fc.constantFrom(-2, 0.5, 4)).map(([of, by]): Expression => ({ op: 'div', args: [of, constant(by)] })),
      // biome-ignore lint/suspicious/noThenProperty: an expression's branch, never awaited
      fc.tuple(two, inner, inner).map(([args, yes, no]): Expression => ({ op: 'atMost', args, then: yes, else: no })),
      fc
        .tuple(fc.array(inner, { minLength: 3, maxLength: 3 }), fc.array(tree(3, 3), { maxLength: 3 }), number, number)
        .map(([args, trees, scale, base]) => treesOf(args, trees, scale, base)),
    ),
  };
});
const values = fc.record({ a: number, b: number, c: number, d: number, e: number });

test('contributions are those that brute force over all orders gives, for any score', () => {
  fc.assert(
    fc.property(expression, values, values, (score, actual, usual) => {
      const told = contributions(score, actual, usual);
      expect(told.errors.size).toBe(0);
      for (const [id, value] of bruteForce(score, actual, usual)) {
        const size = Math.max(1, Math.abs(value));
        expect((told.values.get(id) ?? 0) / size).toBeCloseTo(value / size, 8);
      }
    }),
    { numRuns: 400 },
  );
});

test('contributions on forests are those that brute force gives, splits on one premise repeated', () => {
  const forest = fc.array(tree(5, 5), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(forest, values, values, (trees, actual, usual) => {
      const score = treesOf(ids.map(premise), trees, 0.5, 3);
      const told = contributions(score, actual, usual);
      for (const [id, value] of bruteForce(score, actual, usual)) expect(told.values.get(id) ?? 0).toBeCloseTo(value, 9);
    }),
    { numRuns: 300 },
  );
});

test('an expression taken apart is the same sum under every mixture of premises', () => {
  fc.assert(
    fc.property(expression, values, values, fc.nat({ max: 31 }), (score, actual, usual, mask) => {
      const { constant: start, parts } = partsOf(score, actual, usual);
      const mixed = mixture(actual, usual, ids, mask);
      const whole = evaluate(score, mixed);
      const sum = parts.reduce((total, { weight, expression: part }) => total + weight * evaluate(part, mixed), start);
      const size = Math.max(1, Math.abs(whole));
      expect(sum / size).toBeCloseTo(whole / size, 9);
    }),
    { numRuns: 400 },
  );
});

test('Shapley values of a game are those of all orders of arrival; past 16 players it is refused', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 6 }), fc.array(number, { minLength: 64, maxLength: 64 }), (count, worths) => {
      const found = shapley(count, (mask) => worths[mask]!);
      const expected = overAllOrders(count, (mask) => worths[mask]!);
      for (const [player, value] of found.entries()) expect(value).toBeCloseTo(expected[player]!, 9);
    }),
  );
  expect(() => shapley(17, () => 0)).toThrow(RangeError);
});

test('what is sampled has error bars that hold, against a game whose values are known', () => {
  // The largest of 20 premises, each of which goes from 0 to its rank: the airport game (Littlechild & Owen 1973).
  const names = Array.from({ length: 20 }, (_, index) => `p${index}`);
  const score: Expression = { op: 'max', args: names.map(premise) };
  const actual = Object.fromEntries(names.map((name, index) => [name, index + 1]));
  const usual = Object.fromEntries(names.map((name) => [name, 0]));
  const told = contributions(score, actual, usual, seeded(7));
  const outside = names.filter((name, index) => {
    const known = Array.from({ length: index + 1 }, (_, step) => 1 / (20 - step)).reduce((sum, share) => sum + share, 0);
    return Math.abs(told.values.get(name)! - known) > 3 * told.errors.get(name)! + 1e-9;
  });
  expect(outside.length).toBeLessThanOrEqual(1);
  const sum = names.reduce((total, name) => total + told.values.get(name)!, 0);
  expect(sum).toBeCloseTo(20, 9);
});
