import { expect, test } from 'vitest';
import {
  formatAge,
  formatClock,
  formatDuration,
  formatNumber,
  formatPrediction,
  formatQuantity,
  formatSigned,
  listNames,
  metricTitle,
  metricUnit,
  showClocksIn,
} from './format.ts';

test('numbers have at most three significant digits, a real minus sign, and a dash where nothing is known', () => {
  expect([58.4, 412, 0.38, -0.52, 3, 0.0104, 1234.5].map((value) => formatNumber(value))).toEqual([
    '58.4',
    '412',
    '0.38',
    '−0.52',
    '3',
    '0.010',
    '1235',
  ]);
  expect([null, undefined, Number.NaN, Number.POSITIVE_INFINITY].map((value) => formatNumber(value))).toEqual([
    '–',
    '–',
    '–',
    '–',
  ]);
  expect([0.384, -0.001, 0].map(formatSigned)).toEqual(['+0.38', '0.00', '0.00']);
});

test('quantities are scaled to the unit that people read', () => {
  expect(formatQuantity(0.884, 'ratio')).toBe('88 %');
  expect(formatQuantity(3.1 * 2 ** 30, 'bytes')).toBe('3.1 GiB');
  expect(formatQuantity(3e6, 'bytes/s')).toBe('24 Mbit/s');
  expect(formatQuantity(76.2, 'ms')).toBe('76 ms');
  expect(formatQuantity(6.23, 'ms')).toBe('6.2 ms');
  expect(formatQuantity(1, 'people')).toBe('1 person');
  expect(formatQuantity(2.7, 'people')).toBe('3 people');
  expect(formatQuantity(null, 'W')).toBe('–');
  expect(formatPrediction(43.2, 4, 'ms')).toBe('43 ± 4 ms');
  expect(formatPrediction(43.2, 0, 'ms')).toBe('43 ms');
});

test('durations and ages', () => {
  expect([12, 90, 410, 9800, 48_000, 59_960, 72_000, 120_000, 7_500_000].map((ms) => formatDuration(ms))).toEqual([
    '12 ms',
    '0.1 s',
    '0.4 s',
    '9.8 s',
    '48 s',
    '1 min',
    '1 min 12 s',
    '2 min',
    '2 h 5 min',
  ]);
  expect([400, 14_200, 185_000, 7_300_000, 5 * 86_400_000, -50].map(formatAge)).toEqual([
    '0.4 s ago',
    '14 s ago',
    '3 min ago',
    '2 h ago',
    '5 d ago',
    '0.0 s ago',
  ]);
});

test('the clock is the reader’s own', () => {
  const time = new Date(2026, 10, 23, 14, 32, 8, 41).getTime();
  expect(formatClock(time)).toBe('14:32:08');
  expect(formatClock(time, 'minute')).toBe('14:32');
  expect(formatClock(time, 'millisecond')).toBe('14:32:08.041');
  showClocksIn('utc');
  expect(formatClock(Date.UTC(2026, 0, 1, 4, 5, 6))).toBe('04:05:06');
  showClocksIn('local');
  expect(formatClock(time)).toBe('14:32:08');
});

test('metrics say their unit by their suffix, and unknown ones are their own words', () => {
  expect(
    [
      'cpu_used_ratio',
      'memory_used_bytes',
      'network_receive_bytes_per_second',
      'power_w',
      'frame_classify_latency_ms',
      'frames_total',
    ].map(metricUnit),
  ).toEqual(['ratio', 'bytes', 'bytes/s', 'W', 'ms', '']);
  expect(metricTitle('queue_wait_ms')).toBe('Queue wait');
  expect(listNames(['a', 'b', 'c'])).toBe('a, b and c');
});
