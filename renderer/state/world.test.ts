import { expect, test } from 'vitest';
import { headlineOf, meets } from './headline.ts';
import { parsePlace, placeHref } from './navigation.ts';
import { chooseTestbed, freeName } from './testbeds.ts';
import type { DecisionRecord, TestbedSummary, Topology } from './types.ts';
import { mergeDecisions } from './world.ts';

const record = (id: string, time: number, revision = 0) => ({ id, time, revision }) as DecisionRecord;
const testbed = (name: string, state: TestbedSummary['state'], createdAt: number): TestbedSummary => ({
  name,
  kind: 'twin',
  state,
  hosts: [],
  doubles: [],
  lastRun: null,
  recording: null,
  createdAt,
});

test('decisions are newest first, and a revision never goes back', () => {
  const merged = mergeDecisions([record('b', 2, 3), record('a', 1)], [record('b', 2, 1), record('c', 3), record('a', 1, 2)]);
  expect(merged.map(({ id, revision }) => [id, revision])).toEqual([
    ['c', 0],
    ['b', 3],
    ['a', 2],
  ]);
});

test('the testbed of the address wins, else the newest that is up', () => {
  const list = [testbed('old', 'up', 1), testbed('new', 'down', 3), testbed('mid', 'up', 2)];
  expect(chooseTestbed(list, 'old')?.name).toBe('old');
  expect(chooseTestbed(list, 'gone')?.name).toBe('mid');
  expect(chooseTestbed([], null)).toBeNull();
  expect(freeName('twin', [testbed('twin', 'up', 1), testbed('twin-2', 'up', 1)])).toBe('twin-3');
});

test('an address and a place say the same', () => {
  for (const place of [
    { page: 'topology', testbed: 'lab-4' },
    { page: 'testbeds', testbed: null },
  ] as const)
    expect(parsePlace(placeHref(place))).toEqual(place);
  expect(parsePlace('#/nowhere')).toEqual({ page: 'testbeds', testbed: null });
});

test('the headline is read where the component runs now', () => {
  const topology = {
    applications: [
      {
        application: 'smart-camera',
        cluster: 'cluster1',
        targets: [{ metric: 'frame_classify_latency_ms', target: 50, relation: 'lower_or_equal', unit: 'ms' }],
        components: [],
      },
    ],
    readings: {
      'frame_classify_latency_ms|worker-1|classifier': { value: 76, time: 1000 },
      'frame_classify_latency_ms|worker-2|classifier': { value: 43, time: 2000 },
    },
  } as unknown as Topology;
  expect(headlineOf(topology)).toMatchObject({ value: 43, node: 'worker-2', component: 'classifier', met: true });
  expect([
    meets(50, 'lower_or_equal', 50),
    meets(50, 'lower', 50),
    meets(49, 'greater_or_equal', 50),
    meets(50, 'equal', 50),
  ]).toEqual([true, false, false, true]);
});
