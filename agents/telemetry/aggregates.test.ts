import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Aggregate, aggregateSchema } from '../bus/aggregates.ts';
import { heartbeatSchema, type Sample } from '../bus/messages.ts';
import { Aggregates, asTelemetry } from './aggregates.ts';
import { Aggregator } from './aggregator.ts';
import { SlidingWindow } from './window.ts';

/** Through the schema and JSON, as the bus does it. */
const sent = (aggregate: Aggregate): Aggregate =>
  aggregateSchema.parse(JSON.parse(JSON.stringify(aggregateSchema.parse(aggregate))));
const spanMs = 10_000;
const telemetry = (node: string, time: number, samples: Sample[]) => ({
  agent: `node-${node}`,
  cluster: 'c',
  node,
  time,
  samples,
});

test('what the continuum knows of quantiles and rates is what the readings say', () => {
  const reading = fc.record({
    node: fc.constantFrom('a', 'b', 'c'),
    component: fc.constantFrom('camera', 'detector'),
    latency: fc.double({ min: 0, max: 500, noNaN: true }),
    step: fc.integer({ min: 0, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 200 }), fc.constantFrom(0.05, 0.5, 0.95), (readings, q) => {
      const aggregator = new Aggregator({ agent: 'cluster-c', cluster: 'c', spanMs });
      const above = new Aggregates(3_600_000);
      const counts = new Map<string, number>();
      const grown = { a: 0, b: 0, c: 0 };
      const first: Partial<typeof grown> = {};
      for (const [index, { node, component, latency, step }] of readings.entries()) {
        const time = (index + 1) * 1000;
        const key = node + component;
        const before = counts.get(key);
        counts.set(key, (before ?? 0) + step);
        if (before !== undefined) grown[node] += step;
        first[node] ??= time;
        const from = { application: 'app', component };
        const samples = [
          { metric: 'latency_ms', value: latency, ...from },
          { metric: 'frames_total', value: counts.get(key)!, ...from },
        ];
        aggregator.add(telemetry(node, time, samples), time);
      }
      const end = (readings.length + 10) * 1000;
      for (const one of aggregator.takeAll(end)) above.add(sent(one));
      const latencies = readings.map(({ latency }) => latency).sort((a, b) => a - b);
      const exact = latencies[Math.floor(q * (latencies.length - 1))]!;
      expect(Math.abs(above.quantile({ metric: 'latency_ms', application: 'app' }, q)! - exact)).toBeLessThanOrEqual(
        exact * 0.01001 + 1e-9,
      );
      // Of each series over the time since its node was first heard.
      const expected = (['a', 'b', 'c'] as const).reduce(
        (sum, node) => sum + (first[node] === undefined ? 0 : (grown[node] * 1000) / (end - first[node])),
        0,
      );
      expect(Math.abs(above.rate({ metric: 'frames_total' })! - expected)).toBeLessThan(1e-5 + expected * 1e-5);
    }),
  );
});

test('a counter is followed over spans, a reset and a silence; a gauge is told by its mean', () => {
  const aggregator = new Aggregator({ agent: 'cluster-c', cluster: 'c', spanMs });
  const above = new Aggregates(600_000);
  const window = new SlidingWindow(600_000);
  const take = (time: number): Aggregate[] => {
    const taken = aggregator.takeAll(time).map(sent);
    for (const one of taken) {
      above.add(one);
      window.add(asTelemetry(one));
    }
    return taken;
  };
  const hear = (time: number, joules: number, load: number) =>
    aggregator.add(
      telemetry('a', time, [
        { metric: 'energy_j', value: joules, source: 'rapl' },
        { metric: 'load_1m', value: load },
      ]),
      time,
    );
  hear(1000, 100, 1);
  hear(9000, 180, 2);
  hear(9000, 999, 99);
  take(11_000);
  expect(above.rate({ metric: 'energy_j' })).toBe(8);
  hear(15_000, 220, 6);
  hear(19_000, 30, 6);
  take(21_000);
  expect(above.rate({ metric: 'energy_j' })).toBe((80 + 40 + 30) / 20);
  expect(above.rate({ metric: 'energy_j' }, 21_000)).toBe(7);
  expect(window.points({ metric: 'load_1m', node: 'a' })).toEqual([
    { time: 11_000, value: 1.5 },
    { time: 21_000, value: 6 },
  ]);
  expect(window.latest({ metric: 'energy_j' })[0]).toMatchObject({ value: 30, source: 'rapl' });
  expect(take(30_000)).toEqual([]);
  expect(take(40_000)).toEqual([]);
  hear(45_000, 500, 1);
  take(50_000);
  expect(above.rate({ metric: 'energy_j' }, 50_000)).toBe(0);
  above.forgetBefore(60_000);
  expect(above.quantile({ metric: 'load_1m' }, 0.5)).toBeUndefined();
});

test('a link of 1 Mbit/s is enough for a cluster of 100 nodes', () => {
  // Every node has all readings of a Linux host, three peers and four components with 15 metrics of their own: 117 series. Every value differs.
  const random = lcg(7);
  const host = [
    ...['used', 'user', 'nice', 'system', 'irq', 'steal', 'iowait', 'idle'].map((mode) => `cpu_${mode}_ratio`),
    ...['cpu', 'memory', 'io'].map((resource) => `pressure_${resource}_ratio`),
    ...['disk_read', 'disk_write', 'network_receive', 'network_transmit'].map((flow) => `${flow}_bytes_per_second`),
    ...['cpu_frequency_ghz', 'cpu_frequency_max_ghz', 'cpu_cores', 'memory_used_bytes', 'memory_total_bytes', 'swap_used_bytes'],
    ...['load_1m', 'disk_busy_ratio', 'network_dropped_packets_per_second', 'temperature_celsius', 'power_w', 'energy_j'],
  ];
  const links = ['link_round_trip_ms', 'link_loss_ratio', 'link_throughput_bytes_per_second'];
  const own = [
    'component_cpu_cores',
    'component_cpu_throttled_ratio',
    'component_memory_bytes',
    'component_memory_limit_bytes',
  ].concat(Array.from({ length: 15 }, (_, index) => `application_metric_number_${index}${index % 2 ? '_total' : '_ms'}`));
  const aggregator = new Aggregator({ agent: 'cluster-edge-1', cluster: 'edge-1', spanMs });
  const node = (index: number): string => `worker-${index}.edge-1.example`;
  const levels = Array.from({ length: 200 }, () => Math.floor(random() * 12) - 3);
  let rawBytes = 0;
  for (let second = 1; second <= 10; second++)
    for (let index = 0; index < 100; index++) {
      // A metric has its level, and is now more and now less.
      const value = () => (0.7 + 0.6 * random()) * 10 ** levels[at++ % levels.length]!;
      let at = 0;
      const message = telemetry(node(index), second * 1000, [
        ...host.map((metric) => ({ metric, value: value() })),
        ...[1, 2, 3].flatMap((peer) => links.map((metric) => ({ metric, value: value(), peer: node(index + peer) }))),
        ...[1, 2, 3, 4].flatMap((component) =>
          own.map((metric) => ({ metric, value: value(), application: 'smart-camera', component: `component-${component}` })),
        ),
      ]);
      rawBytes += JSON.stringify(message).length;
      aggregator.add(message, second * 1000);
    }
  const messages = aggregator.takeAll(11_000);
  expect(messages).toHaveLength(100);
  // NATS' own line, and headers of TLS and TCP: generously 100 bytes for each message and each segment.
  const onTheWire = (text: string): number => text.length + 100 + Math.ceil(text.length / 1400) * 100;
  const bytes = messages.reduce((sum, message) => sum + onTheWire(JSON.stringify(aggregateSchema.parse(message))), 0);
  // Beside them, the signs of life of all agents cross the link.
  const heartbeat = {
    agent: `node-${node(1)}`,
    layer: 'node',
    cluster: 'edge-1',
    node: node(1),
    time: 1_700_000_000_000,
    sequence: 1_000_000,
    intervalMs: 1000,
    version: '0.1.0',
    startedAt: 1_700_000_000_000,
  };
  const beats = onTheWire(JSON.stringify(heartbeatSchema.parse(heartbeat))) * 101;
  const bitsPerSecond = (bytes * 8) / (spanMs / 1000) + beats * 8;
  expect(bitsPerSecond).toBeLessThan(1_000_000);
  // What it replaces would not have fitted.
  expect((rawBytes * 8) / 10).toBeGreaterThan(5_000_000);
  // And it says the same.
  const above = new Aggregates(600_000);
  for (const message of messages) above.add(sent(message));
  expect(above.sketch({ metric: 'cpu_used_ratio' }).count).toBe(1000);
  expect(above.quantile({ metric: 'power_w', node: node(5) }, 0)).toBeGreaterThan(0);
});

/** Numbers in 0–1, the same ones each time. */
function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

test('nodes have their turns: no moment in which all of them fill the link', () => {
  const aggregator = new Aggregator({ agent: 'cluster-c', cluster: 'c', spanMs });
  const told: number[] = [];
  for (let second = 1; second <= 60; second++) {
    for (let index = 0; index < 100; index++)
      aggregator.add(telemetry(`w${index}`, second * 1000, [{ metric: 'load_1m', value: 1 }]), second * 1000);
    const taken = aggregator.take(second * 1000 + 500);
    told.push(taken.length);
    if (second > 20) for (const one of taken) expect(one.spanMs).toBe(spanMs);
  }
  expect(told.slice(20).every((count) => count === 10)).toBe(true);
});
