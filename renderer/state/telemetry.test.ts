import { expect, test } from 'vitest';
import { indexAt, timeMissing, valueAt } from '../charts/lines.ts';
import { roundTop } from '../charts/scale-unit.ts';
import { linePath, timeTicks } from '../charts/time-axis.ts';
import { mergeByTime } from '../shell/merge-by-time.ts';
import { appendReadings } from './telemetry.ts';
import type { Series } from './types.ts';

const key = { metric: 'cpu_used_ratio', node: 'worker-1', component: '', application: '' };
const series = (times: number[], values: (number | null)[], node = 'worker-1'): Series => ({
  key: { ...key, node },
  unit: 'ratio',
  source: 'measured',
  times,
  values,
});

test('readings are appended in order, a long pause becomes a gap, and the old is dropped', () => {
  const known = [series([1000, 2000], [0.1, 0.2])];
  const next = appendReadings(
    known,
    [
      { key, time: 2000, value: 9 },
      { key, time: 3000, value: 0.3 },
      { key, time: 30_000, value: 0.4 },
    ],
    1000,
    2000,
    () => 'ratio',
  );
  expect(next[0]).toMatchObject({ times: [2000, 3000, 4000, 30_000], values: [0.2, 0.3, null, 0.4] });
  expect(known[0]?.times).toEqual([1000, 2000]);
});

test('a new place is a new series', () => {
  const next = appendReadings(
    [series([1000], [1])],
    [{ key: { ...key, node: 'worker-2' }, time: 1000, value: 2 }],
    1000,
    0,
    () => 'ratio',
  );
  expect(next.map((one) => one.key.node)).toEqual(['worker-1', 'worker-2']);
});

test('an application’s metric is one line wherever its component runs', () => {
  expect(mergeByTime([series([1000, 2000], [1, 2]), series([3000, 4000], [3, null], 'worker-2')])).toEqual([
    [1000, 1],
    [2000, 2],
    [3000, 3],
    [4000, null],
  ]);
});

test('values at a moment hold until they are stale', () => {
  const line = series([1000, 2000, 3000], [1, null, 3]);
  expect([500, 1500, 2500, 3000, 4000, 9000].map((at) => valueAt(line, at, 2000))).toEqual([null, 1, null, 3, 3, null]);
  expect(indexAt([], 5)).toBe(-1);
});

test('time over a ceiling is counted only where something is known', () => {
  const line = series([0, 1000, 2000, 3000, 60_000], [40, 60, null, 60, 40]);
  expect(timeMissing(line, 50, 'lower_or_equal', 5000)).toEqual({ missed: 6000, known: 7000 });
  expect(timeMissing(line, 50, 'greater_or_equal', 5000)).toEqual({ missed: 1000, known: 7000 });
});

test('axes have round numbers and lines have gaps', () => {
  expect([77, 1, 0, 43, 130].map(roundTop)).toEqual([80, 1, 1, 60, 150]);
  expect(timeTicks(1000, 61_000, 6)).toEqual({ step: 10_000, ticks: [10_000, 20_000, 30_000, 40_000, 50_000, 60_000] });
  expect(linePath([[0, 1], [1, 2], null, [3, 4]])).toBe('M0.0 1.0L1.0 2.0M3.0 4.0');
});
