import { expect, test } from 'vitest';
import { rowsInSight } from './visible-rows.ts';

test('draws the rows in sight with some more, never beyond either end', () => {
  expect(rowsInSight(0, 400, 40, 10_000, 5)).toEqual({ first: 0, end: 15 });
  expect(rowsInSight(4000, 400, 40, 10_000, 5)).toEqual({ first: 95, end: 115 });
  expect(rowsInSight(399_900, 400, 40, 10_000, 5)).toEqual({ first: 9992, end: 10_000 });
  expect(rowsInSight(400, 400, 40, 3, 5)).toEqual({ first: 3, end: 3 });
});
