import fc from 'fast-check';
import { expect, test } from 'vitest';
import { thin } from './thin.ts';

const lineOf = (values: (number | null)[]) => ({ times: values.map((_, index) => index * 1000), values });
/** Lowest and highest of each column, as a drawing shows them. */
function columnsOf({ times, values }: ReturnType<typeof lineOf>, to: number, columns: number) {
  const found = Array.from({ length: columns }, () => [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  times.forEach((time, index) => {
    const value = values[index];
    const column = found[Math.max(0, Math.ceil((time / to) * columns) - 1)];
    if (!column || value === null || value === undefined) return;
    column[0] = Math.min(column[0]!, value);
    column[1] = Math.max(column[1]!, value);
  });
  return found;
}

test('shows the same extremes in each column, in order of time, with at most four points each', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { freq: 8 }), { minLength: 50, maxLength: 400 }),
      fc.integer({ min: 1, max: 20 }),
      (values, columns) => {
        const line = lineOf(values);
        const to = (values.length - 1) * 1000;
        const few = thin(line, 0, to, columns) as ReturnType<typeof lineOf>;
        expect(columnsOf(few, to, columns)).toEqual(columnsOf(line, to, columns));
        expect(few.times).toEqual([...few.times].sort((a, b) => a - b));
        expect(new Set(few.times).size).toBe(few.times.length);
        if (values.length > 4 * columns) expect(few.times.length).toBeLessThanOrEqual(4 * (columns + 1));
        else expect(few).toBe(line);
      },
    ),
  );
});

test('keeps a gap that can be seen, the points beside the range, and nothing far from it', () => {
  const values = Array.from({ length: 10_000 }, (_, index): number | null => (index >= 4000 && index < 6000 ? null : 1));
  const few = thin(lineOf(values), 0, 9_999_000, 100);
  const gap = few.times.filter((_, index) => few.values[index] === null);
  expect([gap[0], gap.at(-1)].map((time) => Math.round((time ?? 0) / 100_000))).toEqual([40, 60]);
  const part = thin(lineOf(values), 1_000_500, 3_000_500, 10);
  expect([part.times[0], part.times.at(-1)]).toEqual([1_000_000, 3_001_000]);
});
