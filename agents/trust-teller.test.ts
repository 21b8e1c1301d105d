import { expect, test } from 'vitest';
import { MemoryBus } from './bus/memory.ts';
import { type Telemetry, telemetrySchema } from './bus/messages.ts';
import { subjects } from './bus/subjects.ts';
import { Aggregates } from './telemetry/aggregates.ts';
import { Aggregator } from './telemetry/aggregator.ts';
import { TrustTeller } from './trust-teller.ts';

test('trust is told as a reading of the node when it changes, and now and then', async () => {
  const bus = new MemoryBus();
  const told: [string, number][] = [];
  bus.subscribe(subjects.ofCluster.telemetry('c'), telemetrySchema, ({ agent, node, samples: [sample] }, subject) => {
    expect([agent, subject, sample!.metric, sample!.source]).toEqual([
      'cluster-c',
      `mls.telemetry.c.${node}`,
      'trust_level',
      'assessed',
    ]);
    told.push([node, sample!.value]);
  });
  const logged: string[] = [];
  const teller = new TrustTeller(bus, (_level, text) => logged.push(text), { agent: 'cluster-c', cluster: 'c' });
  const heard = async (): Promise<typeof told> => {
    await new Promise((resolve) => setImmediate(resolve));
    return told.splice(0);
  };
  const nodes = (a: number, b?: number) => [
    { name: 'a', trustLevel: a },
    { name: 'b', trustLevel: b },
  ];
  await teller.tell(nodes(0.9, 0.5), 0);
  expect(await heard()).toEqual([
    ['a', 0.9],
    ['b', 0.5],
  ]);
  await teller.tell(nodes(0.905, 0.3), 1000);
  expect(await heard()).toEqual([['b', 0.3]]);
  await teller.tell(nodes(0.905), 5000);
  expect(await heard()).toEqual([['a', 0.905]]);
  await bus.close();
  await teller.tell(nodes(0.1), 6000);
  await teller.tell(nodes(0.2), 7000);
  expect(logged.length).toBeLessThanOrEqual(1);
});

test('what two agents say of a node at once is told upwards, whoever has the earlier clock', () => {
  const aggregator = new Aggregator({ agent: 'cluster-c', cluster: 'c', spanMs: 1000 });
  const message = (agent: string, time: number, metric: string, value: number): Telemetry => ({
    agent,
    cluster: 'c',
    node: 'a',
    time,
    samples: [{ metric, value }],
  });
  aggregator.add(message('cluster-c', 10_000, 'trust_level', 0.8), 0);
  aggregator.add(message('node-a', 9000, 'load_1m', 2), 1);
  aggregator.add(message('node-a', 9000, 'load_1m', 9), 2);
  const above = new Aggregates(60_000);
  for (const aggregate of aggregator.takeAll(500)) above.add(aggregate);
  expect(above.quantile({ metric: 'trust_level', node: 'a' }, 0.5)).toBeCloseTo(0.8, 2);
  expect(above.quantile({ metric: 'load_1m', node: 'a' }, 1)).toBeCloseTo(2, 1);
});
