import { expect, test } from 'vitest';
import { linkBetween, strokeOf } from './link-facts.ts';

test('a link is as the end that measured it last tells, whichever that is', () => {
  const readings = {
    'link_round_trip_ms|worker-1|worker-1 → master-1': { value: 0.6, time: 1 },
    'link_round_trip_ms|master-1|master-1 → worker-1': { value: 0.8, time: 2 },
    'link_loss_ratio|worker-1|worker-1 → master-1': { value: 0.1, time: 1 },
  };
  const known = { roundTripMs: 0.8, throughputBytes: null, lossShare: 0.1 };
  expect(linkBetween({ readings }, 'worker-1', 'master-1')).toEqual(known);
  expect(linkBetween({ readings }, 'master-1', 'worker-1')).toEqual(known);
});

test('a line that carries more is thicker, within what is still a line', () => {
  const widths = [null, 0, 1e4, 1e6, 1e7, 1e12].map(strokeOf);
  expect(widths[0]).toBe(1.5);
  expect(widths).toEqual([...widths].sort((a, b) => a - b));
  expect(widths.at(-1)).toBe(3.5);
});
