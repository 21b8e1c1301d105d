import { expect, test } from 'vitest';
import { asCsv } from './export.ts';
import {
  chosenMetrics,
  noChoice,
  pinnedFirst,
  readChoice,
  usualMetrics,
  withMetric,
  withPin,
  writeChoice,
} from './metric-choice.ts';

const read = [
  { metric: 'cpu_used_ratio', component: '' },
  { metric: 'pressure_cpu_ratio', component: '' },
  { metric: 'link_loss_ratio', component: 'worker-2' },
  { metric: 'latency_ms', component: 'front' },
  { metric: 'people_in_view', component: 'camera' },
  { metric: 'frames_total', component: 'camera' },
  { metric: 'component_cpu_cores', component: 'front' },
];

test('applications and hosts have their charts; the many others are there when asked for', () => {
  const usual = usualMetrics(read, 'latency_ms');
  expect(usual).toEqual(['latency_ms', 'people_in_view', 'cpu_used_ratio', 'component_cpu_cores', 'link_loss_ratio']);
  let choice = withMetric(noChoice, usual, 'pressure_cpu_ratio', true);
  choice = withMetric(choice, usual, 'people_in_view', false);
  expect(chosenMetrics(read, 'latency_ms', choice)).toEqual([
    'latency_ms',
    'cpu_used_ratio',
    'component_cpu_cores',
    'link_loss_ratio',
    'pressure_cpu_ratio',
  ]);
  choice = withMetric(withMetric(choice, usual, 'people_in_view', true), usual, 'pressure_cpu_ratio', false);
  expect(choice).toEqual(noChoice);
});

test('a choice outlives the page, and what somebody else has written is no choice', () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  writeChoice('lab', { added: ['a'], removed: ['b'], pinned: ['c'] }, storage);
  expect(readChoice('lab', storage)).toEqual({ added: ['a'], removed: ['b'], pinned: ['c'] });
  for (const text of ['{', '3', '{"added":7,"removed":[1]}']) expect(readChoice('x', { getItem: () => text })).toEqual(noChoice);
});

test('a table has one reading a line, within the range, and quotes what needs it', () => {
  const key = { metric: 'latency_ms', node: 'w1', component: 'a,"b"', application: 'shop' };
  const csv = asCsv(
    [{ key, unit: 'ms', source: 'measured', times: [1000, 2000, 3000, 9000], values: [1.5, null, 3, 4] }],
    0,
    5000,
  );
  expect(csv.split('\r\n')).toEqual([
    'time,metric,unit,node,component,application,source,value',
    '1970-01-01T00:00:01.000Z,latency_ms,ms,w1,"a,""b""",shop,measured,1.5',
    '1970-01-01T00:00:03.000Z,latency_ms,ms,w1,"a,""b""",shop,measured,3',
    '',
  ]);
});

test('what is pinned stands first, until it is no more', () => {
  const charts = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];
  const pinned = withPin(withPin(noChoice, 'c'), 'b');
  expect(pinnedFirst(charts, pinned.pinned).map(({ id }) => id)).toEqual(['c', 'b', 'a']);
  expect(withPin(withPin(pinned, 'c'), 'b')).toEqual(noChoice);
});
