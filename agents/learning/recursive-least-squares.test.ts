import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecursiveLeastSquares, recursiveLeastSquaresStateSchema } from './recursive-least-squares.ts';

const prior = { weights: [0, 0], deviations: [100, 100], noise: 1 };

test('finds the line behind exact samples', () => {
  const finite = fc.double({ min: -50, max: 50, noNaN: true });
  fc.assert(
    fc.property(finite, finite, (intercept, slope) => {
      const model = new RecursiveLeastSquares(prior, 1);
      for (let x = 0; x < 40; x++) model.update([1, x % 7], intercept + slope * (x % 7));
      expect(model.predict([1, 10]).value).toBeCloseTo(intercept + slope * 10, 0);
    }),
  );
});

test('is as batch least squares with the same ridge when nothing is forgotten and the noise is known', () => {
  // Oracle: normal equations of two unknowns, (XᵀX/σ² + P⁻¹) w = Xᵀy/σ², solved by Cramer.
  const rows = [
    [1, 2, 54],
    [1, 5, 120],
    [1, 3, 77],
  ] as const;
  const sum = (pick: (row: readonly [number, number, number]) => number) => rows.reduce((total, row) => total + pick(row), 0);
  const a = sum(() => 1) + 1e-4;
  const b = sum((row) => row[1]);
  const d = sum((row) => row[1] ** 2) + 1e-4;
  const e = sum((row) => row[2]);
  const f = sum((row) => row[1] * row[2]);
  const determinant = a * d - b * b;
  const model = new RecursiveLeastSquares(prior, 1);
  for (const [one, x, y] of rows) model.update([one, x], y);
  expect(model.weights[0]).toBeCloseTo((e * d - b * f) / determinant, 0);
  expect(model.weights[1]).toBeCloseTo((a * f - b * e) / determinant, 0);
});

test('follows a change, tells its uncertainty, survives a restart', () => {
  const model = new RecursiveLeastSquares(prior, 0.98);
  const unsure = model.predict([1, 3]).deviation;
  for (let i = 0; i < 200; i++) model.update([1, i % 5], 10 + 22 * (i % 5));
  expect(model.predict([1, 3]).deviation).toBeLessThan(unsure / 20);
  for (let i = 0; i < 300; i++) model.update([1, i % 5], 10 + 11 * (i % 5));
  expect(model.predict([1, 3]).value).toBeCloseTo(43, 0);
  const restored = RecursiveLeastSquares.restore(
    recursiveLeastSquaresStateSchema.parse(JSON.parse(JSON.stringify(model.state()))),
  );
  expect(restored.predict([1, 4]).value).toBe(model.predict([1, 4]).value);
  model.update([1, Number.NaN], 5);
  expect(model.predict([1, 4]).value).toBe(restored.predict([1, 4]).value);
});

test('uncertainty stays bounded when one situation repeats for ever', () => {
  const model = new RecursiveLeastSquares(prior, 0.9);
  for (let i = 0; i < 5000; i++) model.update([1, 3], 76);
  expect(model.predict([1, 3]).value).toBeCloseTo(76, 3);
  expect(model.predict([1, 10]).deviation).toBeLessThan(3000);
});

test('stays sound over tens of thousands of samples that hardly tell its features apart', () => {
  const random = seeded(7);
  const model = new RecursiveLeastSquares({ weights: [0, 0, 25], deviations: [25, 25, 12.5], noise: 5 });
  let people = 3;
  for (let i = 0; i < 40_000; i++) {
    if (random() < 0.2) people = Math.max(0, Math.min(8, people + (random() < 0.5 ? 1 : -1)));
    model.update([1, people, 0.06 + 0.02 * random()], 10 + 7.3 * people + 0.1 * (random() - 0.5));
    if (i < 1000) continue;
    const { value, deviation } = model.predict([1, 4, 0.06]);
    if (Math.abs(value - 39.2) > 3 || !(deviation > 0.01)) expect.fail(`sample ${i}: ${value} ± ${deviation}`);
  }
});

/** Linear congruential: any numbers do, the same ones in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
