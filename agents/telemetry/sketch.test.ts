import fc from 'fast-check';
import { expect, test } from 'vitest';
import { QuantileSketch } from './sketch.ts';

const value = fc.oneof(
  fc.integer({ min: -50, max: 50 }),
  fc.double({ min: -1e9, max: 1e9, noNaN: true }),
  fc.double({ min: 1e-6, max: 1, noNaN: true }),
);
const sketchOf = (values: number[]): QuantileSketch => {
  const sketch = new QuantileSketch();
  for (const one of values) sketch.add(one);
  return sketch;
};

/** What is promised: the value at that rank, within the relative error (and what is below 1e-9 as zero). */
function expectWithin(sketch: QuantileSketch, values: number[], q: number): void {
  const sorted = values.toSorted((a, b) => a - b);
  const exact = sorted[Math.floor(q * (sorted.length - 1))]!;
  const told = sketch.quantile(q)!;
  expect(Math.abs(told - exact)).toBeLessThanOrEqual(Math.abs(exact) * QuantileSketch.relativeError * (1 + 1e-9) + 1e-9);
}

test('a quantile is within one per cent of the exact one, whatever the values', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 400 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      expectWithin(sketchOf(values), values, q);
    }),
  );
});

test('sketches merged, and sent over the wire, tell what one of all values would', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(value, { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (parts, q) => {
        const merged = new QuantileSketch();
        for (const part of parts) merged.merge(QuantileSketch.decode(JSON.parse(JSON.stringify(sketchOf(part).encode()))));
        const values = parts.flat();
        const whole = sketchOf(values);
        expect(merged.count).toBe(whole.count);
        expect(Math.abs(merged.sum - whole.sum)).toBeLessThanOrEqual(
          2e-5 * values.reduce((sum, one) => sum + Math.abs(one), 1e-9),
        );
        // Ends are rounded to four digits on the wire.
        expect(Math.abs(merged.quantile(q)! - whole.quantile(q)!)).toBeLessThanOrEqual(
          6e-4 * Math.abs(whole.quantile(q)!) + 1e-9,
        );
      },
    ),
  );
});

test('room is bounded: of values over 40 powers of ten only the smallest lose their accuracy', () => {
  const values = Array.from({ length: 20_000 }, (_, i) => 10 ** (-8 + (i / 20_000) * 40));
  const sketch = sketchOf(values);
  expect(JSON.stringify(sketch.encode()).length).toBeLessThan(20_000);
  for (const q of [0.7, 0.8, 0.99]) expectWithin(sketch, values, q);
});

test('a sketch that contradicts itself is refused', () => {
  expect(() => QuantileSketch.decode([5, 1, 1, 9, [10, -3]])).toThrow(/holds 3/);
});
