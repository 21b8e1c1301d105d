import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quantile, SlidingWindow } from './window.ts';

const at = (time: number, node: string, metric: string, value: number, more: { component?: string; peer?: string } = {}) => ({
  agent: `node-${node}`,
  cluster: 'c',
  node,
  time,
  samples: [{ metric, value, ...more, ...(more.component && { application: 'app' }) }],
});

test('a window keeps its span, tells the usual value, and a rate over a reset', () => {
  const window = new SlidingWindow(10_000);
  for (let i = 0; i <= 30; i++) window.add(at(i * 1000, 'a', 'people', i));
  expect(window.points({ metric: 'people' }, 20_000)[0]).toEqual({ time: 20_000, value: 20 });
  expect(window.points({ metric: 'people' })).toHaveLength(11);
  expect(window.usual({ metric: 'people' }, 20_000)).toBe(25);

  for (const [time, value] of [
    [0, 100],
    [1000, 110],
    [2000, 5],
    [2000, 999],
    [3000, 15],
  ] as const)
    window.add(at(time, 'a', 'frames_total', value, { component: 'detector' }));
  expect(window.rate({ metric: 'frames_total', component: 'detector' })).toBeCloseTo(25 / 3);
  expect(window.rate({ metric: 'frames_total', component: 'camera' })).toBeUndefined();
  expect(window.latest({ metric: 'frames_total' })[0]).toMatchObject({ value: 15, node: 'a', application: 'app' });
  window.forgetBefore(4000);
  expect(window.latest({ metric: 'frames_total' })).toEqual([]);
});

test('a link is a series of its own for each peer', () => {
  const window = new SlidingWindow(10_000);
  window.add(at(1, 'a', 'link_round_trip_ms', 4, { peer: 'b' }));
  window.add(at(1, 'a', 'link_round_trip_ms', 9, { peer: 'c' }));
  expect(window.usual({ metric: 'link_round_trip_ms', node: 'a', peer: 'c' })).toBe(9);
  expect(window.latest({ metric: 'link_round_trip_ms' })).toHaveLength(2);
});

test('memory is bounded: when the room is used up, the oldest points of a series make way earlier', () => {
  const window = new SlidingWindow(1_000_000, { mostPoints: 200 });
  for (let i = 0; i < 5000; i++) for (const node of ['a', 'b']) window.add(at(i * 1000, node, 'people', i));
  // One ring may pass the bound by its last growth, of a half.
  expect(window.size.points).toBeLessThan(300);
  expect(window.latest({ metric: 'people', node: 'b' })[0]?.value).toBe(4999);
});

test('whatever comes in, every answer is that of a plain list of points', () => {
  const step = fc.record({
    node: fc.constantFrom('a', 'b'),
    component: fc.constantFrom('x', 'y'),
    gap: fc.integer({ min: -50, max: 400 }),
    value: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.double({ min: -1e6, max: 1e6, noNaN: true })),
  });
  const query = fc.record(
    { node: fc.constantFrom('a', 'b'), component: fc.constantFrom('x', 'y'), application: fc.constant('app') },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), query, fc.double({ min: 0, max: 1, noNaN: true }), (steps, asked, q) => {
      const span = 3000;
      const window = new SlidingWindow(span);
      const lists = new Map<string, { node: string; component: string; points: { time: number; value: number }[] }>();
      let now = 0;
      for (const { node, component, gap, value } of steps) {
        now += gap;
        window.add(at(now, node, 'm', value, { component }));
        const list = lists.get(node + component) ?? { node, component, points: [] };
        lists.set(node + component, list);
        if (now > (list.points.at(-1)?.time ?? Number.NEGATIVE_INFINITY)) {
          list.points.push({ time: now, value });
          list.points = list.points.filter(({ time }) => time >= now - span);
        }
        // Asked in between as well: what is kept for an answer must stay true.
        window.quantile({ metric: 'm', node, component }, q);
        if (value % 2 === 0) window.rate({ metric: 'm', node, component });
      }
      const fits = [...lists.values()].filter(
        (list) => list.node === (asked.node ?? list.node) && list.component === (asked.component ?? list.component),
      );
      for (const since of [undefined, now - span / 2]) {
        const kept = fits.map(({ points }) => points.filter(({ time }) => since === undefined || time >= since));
        const all = kept.flat();
        const metric = { metric: 'm', ...asked };
        const inOrder = (points: { time: number; value: number }[]) =>
          points.toSorted((a, b) => a.time - b.time || a.value - b.value);
        expect(inOrder(window.points(metric, since))).toEqual(inOrder(all));
        expect(window.quantile(metric, q, since)).toEqual(
          quantile(
            all.map(({ value }) => value),
            q,
          ),
        );
        const rates = kept
          .filter((points) => points.length > 1)
          .map((points) => {
            let grown = 0;
            for (let i = 1; i < points.length; i++) {
              const growth = points[i]!.value - points[i - 1]!.value;
              grown += growth >= 0 ? growth : points[i]!.value;
            }
            return (grown * 1000) / (points.at(-1)!.time - points[0]!.time);
          });
        const rate = window.rate(metric, since);
        if (rates.length === 0) expect(rate).toBeUndefined();
        else expect(Math.abs(rate! - rates.reduce((sum, one) => sum + one, 0))).toBeLessThan(1e-3);
      }
    }),
  );
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
