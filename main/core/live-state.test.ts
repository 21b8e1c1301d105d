import { expect, test } from 'vitest';
import { LiveState } from './live-state.ts';

test('links of one node to several others are readings of their own', () => {
  const live = new LiveState(() => 1000);
  const link = (peer: string, value: number) => ({ metric: 'link_round_trip_ms', value, peer });
  const samples = [link('b', 1), link('c', 9), { metric: 'cpu_used_ratio', value: 0.5 }];
  const readings = live.hearTelemetry({ agent: 'node-a', cluster: 'c1', node: 'a', time: 1000, samples });
  expect(readings.map(({ key, value }) => [key.metric, key.component, value])).toEqual([
    ['link_round_trip_ms', 'a → b', 1],
    ['link_round_trip_ms', 'a → c', 9],
    ['cpu_used_ratio', '', 0.5],
  ]);
  expect(Object.keys(live.readings())).toHaveLength(3);
});
