import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  add,
  type Expression,
  evaluate,
  maximum,
  minimum,
  multiply,
  premise,
  subtract,
  treesOf,
} from '../decision/expression.ts';
import type { Tree } from '../decision/trees.ts';
import { flipOf, flips } from './flip.ts';
import { piecesOf } from './pieces.ts';
import { rescore, type Scored } from './what-if.ts';

const number = fc.integer({ min: -4, max: 4 });
const stumps = (argument: fc.Arbitrary<number>): fc.Arbitrary<Tree> =>
  fc
    .tuple(argument, number, argument, number, fc.array(number, { minLength: 3, maxLength: 3 }))
    .map(([a, t, b, u, [x, y, z]]) => [[a, t, 1, 2], [b, u, 3, 4], [z!], [x!], [y!]]);
const line = fc.tuple(number, number, number).map(([a, b, c]) => add(a, multiply(b, premise('p')), multiply(c, premise('q'))));
/** Scores of lines, kinks and steps in p and q. */
const score: fc.Arbitrary<Expression> = fc.oneof(
  line,
  fc.tuple(line, line).map(([a, b]) => maximum(a, b)),
  fc.tuple(line, line, line).map(([a, b, c]) => minimum(a, maximum(b, c))),
  fc
    .array(stumps(fc.integer({ min: 0, max: 2 })), { minLength: 1, maxLength: 4 })
    .map((trees) => treesOf([premise('p'), premise('q'), subtract(1, premise('p'))], trees, 0.5, 1)),
);
const decision = (scores: Expression[], p: number, q: number, neededMargin: number): Scored => {
  const of = (id: string, value: number) => ({
    id,
    name: id,
    value,
    unit: '',
    at: 0,
    source: 'test',
    usual: 0,
    range: [-5, 5] as [number, number],
  });
  const candidates = scores.map((expression, index) => ({
    id: index === 0 ? 'stay' : `to:${index}`,
    label: '',
    action: { kind: 'stay' as const },
    predicted: [],
    terms: [{ name: 'Score', value: 0, expression }],
    score: evaluate(expression, { p, q }),
  }));
  const draft = {
    premises: [of('p', p), of('q', q)],
    candidates,
    choice: 'stay',
    stay: 'stay',
    neededMargin,
    time: 0,
    exploration: false,
  };
  return { ...draft, choice: rescore(draft, {}).choice };
};

test('a score of lines, kinks and steps is cut into the pieces that it has', () => {
  fc.assert(
    fc.property(score, number, fc.double({ min: -5, max: 5, noNaN: true }), (expression, q, at) => {
      const pieces = piecesOf(expression, 'p', { p: 0, q }, -5, 5)!;
      const { slope, intercept } = pieces.find(({ end }) => at <= end)!;
      // At an edge the value is one side's or the other's.
      if (pieces.every(({ end }) => Math.abs(end - at) > 1e-9))
        expect(slope * at + intercept).toBeCloseTo(evaluate(expression, { p: at, q }), 9);
    }),
    { numRuns: 500 },
  );
});

test('the smallest flip is the smallest: another choice there, and the same everywhere nearer', () => {
  // Thresholds, kinks and crossings of these scores are at fractions of small numbers: a grid this fine has a point in most gaps.
  const grid = Array.from({ length: 601 }, (_, index) => -5 + index / 60);
  fc.assert(
    fc.property(
      fc.array(score, { minLength: 2, maxLength: 4 }),
      number,
      number,
      fc.constantFrom(0, 0.1, 1),
      (scores, p, q, neededMargin) => {
        const record = decision(scores, p, q, neededMargin);
        const found = flips(record);
        for (const { id, value } of record.premises) {
          const flip = found.find((one) => one.premise === id);
          const distance = flip ? Math.abs(flip.to - value) : Number.POSITIVE_INFINITY;
          if (flip) {
            expect(flip.choice).not.toBe(record.choice);
            expect(rescore(record, { [id]: flip.to }).choice).toBe(flip.choice);
          }
          const toStay = flipOf(record, id);
          if (toStay) expect(rescore(record, { [id]: toStay.to }).choice).toBe(toStay.choice);
          // Told by the nearest value at which nothing is changed, wherever there is one.
          if (record.choice !== 'stay' && toStay?.choice !== 'stay')
            for (const point of grid) {
              const { choice, margin } = rescore(record, { [id]: point });
              if (Math.abs(margin! - neededMargin) > 1e-9 && Math.abs(margin!) > 1e-9) expect(choice).not.toBe('stay');
            }
          for (const point of grid) {
            if (Math.abs(point - value) >= distance - 1e-6) continue;
            const { choice, margin, candidates } = rescore(record, { [id]: point });
            const [best, second] = candidates
              .slice(1)
              .map((one) => one.score!)
              .sort((a, b) => b - a);
            // Where two are equal but for rounding, either is right.
            const isClear =
              Math.abs(margin! - neededMargin) > 1e-9 && Math.abs(margin!) > 1e-9 && !(best! - (second ?? -99) < 1e-9);
            if (isClear) expect(choice).toBe(record.choice);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('where a score is curved, the edge is found by trying', () => {
  const squared = multiply(premise('p'), premise('p'));
  const [flip] = flips(decision([add(2), squared], 0, 0, 0.25));
  expect(Math.abs(flip!.to)).toBeCloseTo(1.5, 9);
});
