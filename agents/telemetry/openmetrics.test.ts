import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatOpenMetrics, OpenMetricsError, parseOpenMetrics } from './openmetrics.ts';

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
