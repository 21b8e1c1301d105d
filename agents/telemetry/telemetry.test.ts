import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatOpenMetrics, OpenMetricsError, parseOpenMetrics } from './openmetrics.ts';
import { quantile, SlidingWindow } from './window.ts';

const at = (time: number, node: string, metric: string, value: number, component?: string) => ({
  agent: `node-${node}`,
  cluster: 'c',
  node,
  time,
  samples: [{ metric, value, ...(component && { application: 'app', component }) }],
});

test('a window keeps its span, tells the usual value, and a rate over a reset', () => {
  const window = new SlidingWindow(10_000);
  for (let i = 0; i <= 30; i++) window.add(at(i * 1000, 'a', 'people', i));
  expect(window.points({ metric: 'people' }, 20_000)[0]).toEqual({ time: 20_000, value: 20 });
  expect(window.points({ metric: 'people' }).length).toBeLessThanOrEqual(13);
  expect(window.usual({ metric: 'people' }, 20_000)).toBe(25);

  for (const [time, value] of [
    [0, 100],
    [1000, 110],
    [2000, 5],
    [2000, 999],
    [3000, 15],
  ] as const)
    window.add(at(time, 'a', 'frames_total', value, 'detector'));
  expect(window.rate({ metric: 'frames_total', component: 'detector' })).toBeCloseTo(25 / 3);
  expect(window.rate({ metric: 'frames_total', component: 'camera' })).toBeUndefined();
  expect(window.latest({ metric: 'frames_total' })[0]).toMatchObject({ value: 15, node: 'a', application: 'app' });
  window.forgetBefore(4000);
  expect(window.latest({ metric: 'frames_total' })).toEqual([]);
});

test('quantiles lie between the order statistics they stand between', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const result = quantile(values, q)!;
      const sorted = values.toSorted((a, b) => a - b);
      const position = (values.length - 1) * q;
      expect(result).toBeGreaterThanOrEqual(sorted[Math.floor(position)]!);
      expect(result).toBeLessThanOrEqual(sorted[Math.ceil(position)]!);
    }),
  );
});

test('an exposition that is written is read back the same', () => {
  const metric = fc.stringMatching(/^[a-z][a-z_]{0,12}$/);
  const exposed = fc.record({
    metric,
    labels: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.string()),
    value: fc.oneof(fc.double({ noNaN: true }), fc.constant(Number.POSITIVE_INFINITY)),
  });
  fc.assert(
    fc.property(fc.uniqueArray(exposed, { selector: (sample) => sample.metric }), (samples) => {
      const plain = samples.map((sample) => ({ ...sample, labels: { ...sample.labels }, value: sample.value + 0 }));
      expect(parseOpenMetrics(formatOpenMetrics(plain))).toEqual(plain);
    }),
  );
});

test('reads what components expose: comments, labels, times, exemplars; and says which line is wrong', () => {
  const text =
    '# HELP x y\n# TYPE x gauge\nx{a="1,}\\"",} 2.5 1700000000.5\ny_total 7 # {trace="q"} 1\nz NaN\n\n# EOF\nignored after the end';
  expect(parseOpenMetrics(text)).toEqual([
    { metric: 'x', labels: { a: '1,}"' }, value: 2.5, time: 1_700_000_000_500 },
    { metric: 'y_total', labels: {}, value: 7 },
    { metric: 'z', labels: {}, value: Number.NaN },
  ]);
  expect(() => parseOpenMetrics('x 1\n<html>')).toThrow(OpenMetricsError);
  expect(() => parseOpenMetrics('x{a="1" b="2"} 1')).toThrow(/line 1/);
});
