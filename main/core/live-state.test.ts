import { expect, test } from 'vitest';
import { LiveState } from './live-state.ts';

test('a testbed that has a time of its own is as old as what it tells, whatever our clock says', () => {
  let now = 1_000_000;
  const live = new LiveState(() => now, true);
  expect(live.time()).toBeNull();
  const beat = {
    agent: 'node-a',
    layer: 'node' as const,
    cluster: 'c1',
    node: 'a',
    sequence: 1,
    intervalMs: 1000,
    version: '1',
    startedAt: 1,
  };
  live.hearHeartbeat({ ...beat, time: 5000 });
  live.hearTelemetry({ agent: 'node-a', cluster: 'c1', node: 'a', time: 7000, samples: [] });
  live.hearHeartbeat({ ...beat, time: 6000 });
  expect(live.time()).toBe(7000);
  expect(live.agents()).toMatchObject([{ alive: true, lastHeartbeat: 6000 }]);
  // Who is silent is told by our clock: a slow computer has a slow twin, and a beat of it is as late as it is here.
  now += 60_000;
  expect(live.agents()).toMatchObject([{ alive: false, lastHeartbeat: 6000 }]);
});

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
