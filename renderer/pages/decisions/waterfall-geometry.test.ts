import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldSmall, waterfallDomain, waterfallRows } from './waterfall-geometry.ts';

const words = { base: 'Usual situation', total: 'Margin over staying' };

test('each bar begins where the one before ended, and the last is the margin', () => {
  const rows = waterfallRows(
    {
      base: -0.14,
      margin: 0.38,
      contributions: [
        { name: 'People in view 1 → 3', value: 0.56 },
        { name: 'Extra power', value: -0.04 },
      ],
    },
    words,
  );
  expect(rows.map(({ kind }) => kind)).toEqual(['base', 'towards', 'against', 'total']);
  expect(rows[1]).toMatchObject({ from: -0.14 });
  expect(rows[2]?.from).toBe(rows[1]?.to);
  expect(rows[2]?.to).toBeCloseTo(0.38);
  expect(rows[3]).toMatchObject({ from: 0, to: 0.38 });
});

const contribution = fc.record({ name: fc.string(), value: fc.double({ min: -10, max: 10, noNaN: true }) });

test('folding the small ones keeps their sum and the largest', () => {
  fc.assert(
    fc.property(fc.array(contribution, { maxLength: 30 }), fc.integer({ min: 2, max: 10 }), (all, most) => {
      const folded = foldSmall(all, most);
      expect(folded.length).toBeLessThanOrEqual(Math.max(most, 0));
      const sum = (list: readonly { value: number }[]) => list.reduce((total, { value }) => total + value, 0);
      expect(sum(folded)).toBeCloseTo(sum(all), 6);
    }),
  );
});

test('the scale holds every bar, zero and the needed margin', () => {
  fc.assert(
    fc.property(
      fc.array(contribution, { maxLength: 10 }),
      fc.double({ min: -5, max: 5, noNaN: true }),
      fc.double({ min: 0, max: 5, noNaN: true }),
      (all, base, needed) => {
        const margin = base + all.reduce((total, { value }) => total + value, 0);
        const rows = waterfallRows({ base, margin, contributions: all }, words);
        const [low, high] = waterfallDomain(rows, needed);
        for (const value of [0, needed, ...rows.flatMap(({ from, to }) => [from, to])]) {
          expect(value).toBeGreaterThanOrEqual(low);
          expect(value).toBeLessThanOrEqual(high);
        }
      },
    ),
  );
});
