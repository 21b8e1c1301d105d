import { expect, test } from 'vitest';
import { worstLink } from './link-lines.ts';

test('of a node’s links the worst of each round is drawn; pauses between rounds are no gaps, a long silence is', () => {
  const links = [
    { times: [1000, 5000, 11_000], values: [2, null, 3] },
    { times: [2000, 12_000, 200_000], values: [5, 1, 4] },
  ];
  expect(worstLink('link_round_trip_ms', links)).toEqual({ times: [0, 10_000, 20_000, 200_000], values: [5, 3, null, 4] });
  expect(worstLink('link_throughput_bytes_per_second', links).values).toEqual([2, 1, null, 4]);
});
