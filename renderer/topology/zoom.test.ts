import fc from 'fast-check';
import { expect, test } from 'vitest';
import { baseScale, clampScale, fitScale, leastScale, mostScale, scrollAfterZoom, wheelFactor } from './zoom.ts';

test('what is under the pointer stays under it, as far as one can scroll', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 5000, noNaN: true }),
      fc.double({ min: 0, max: 1000, noNaN: true }),
      fc.double({ min: leastScale, max: mostScale, noNaN: true }),
      fc.double({ min: leastScale, max: mostScale, noNaN: true }),
      (scroll, pointer, before, after) => {
        const place = (scroll + pointer) / before;
        const next = scrollAfterZoom(scroll, pointer, before, after);
        if (next > 0) expect((next + pointer) / after).toBeCloseTo(place, 6);
        else expect(place * after).toBeLessThanOrEqual(pointer + 1e-9);
      },
    ),
  );
});

test('a turn there and back is none, and no turn goes past the limits', () => {
  expect(wheelFactor(53) * wheelFactor(-53)).toBeCloseTo(1, 12);
  expect(clampScale(100)).toBe(mostScale);
  expect(clampScale(0)).toBe(leastScale);
  expect(fitScale({ width: 2000, height: 400 }, { width: 1000, height: 800 })).toBe(0.5);
  expect(fitScale({ width: 100, height: 100 }, { width: 1000, height: 800 })).toBe(1);
});

test('a large window shows everything larger, a small one nothing smaller', () => {
  expect(baseScale({ width: 1000, height: 600 })).toBe(1);
  expect(baseScale({ width: 2488, height: 1290 })).toBeCloseTo(1290 / 840);
  expect(baseScale({ width: 9000, height: 9000 })).toBe(1.6);
});
