import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { MemoryBus } from './bus/memory.ts';
import { replySchema, type Sample, telemetrySchema } from './bus/messages.ts';
import { componentsRequestSchema, peersRequestSchema } from './bus/requests.ts';
import { subjects } from './bus/subjects.ts';
import { agentConfigSchema, type RunningAgent } from './config.ts';
import { ManualClock } from './manual-clock.ts';
import { startNodeAgent } from './node.ts';
import { peersOf } from './peers-teller.ts';
import { checkOpenMetrics } from './telemetry/openmetrics-checker.fixture.ts';
import { fetchText } from './telemetry/scrape.ts';

const running: RunningAgent[] = [];
afterEach(async () => {
  for (const agent of running.splice(0)) await agent.stop();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('two nodes: what is read, pushed and probed goes over the bus and to collectors', async () => {
  const clock = new ManualClock();
  const bus = new MemoryBus({ onInvalid: (subject, error) => expect.fail(`${subject}: ${error.message}`) });
  const [metrics, receiver, probe] = [await freePort(), await freePort(), await freePort()];
  const problems: string[] = [];
  // Each on an address of its own: nodes have the same ports.
  for (const host of ['127.0.0.2', '127.0.0.3'])
    running.push(
      await startNodeAgent({
        config: agentConfigSchema.parse({
          agent: `node-${host}`,
          layer: 'node',
          cluster: 'c1',
          node: host,
          telemetry: { openMetrics: { host, port: metrics }, receiver: { host, port: receiver }, probe: { host, port: probe } },
        }),
        bus,
        clock,
        random: () => 0.5,
        log: (level, text) => void (level !== 'info' && problems.push(text)),
        signals: {
          read: async () => [{ metric: 'cpu_used_ratio', value: 0.25 }],
          describe: async () => ({
            hostname: host,
            architecture: 'amd64',
            cpuModel: 'x',
            cores: 4,
            frequencyGHz: [],
            memoryBytes: 1,
          }),
        },
      }),
    );
  const heard: Sample[] = [];
  bus.subscribe(subjects.telemetry('c1', '127.0.0.2'), telemetrySchema, ({ samples }) => heard.push(...samples));
  const ask = (verb: string, schema: Parameters<typeof bus.request>[1], value: unknown) =>
    bus.request(subjects.request('node-127.0.0.2', verb), schema, value, replySchema, 2000);
  await ask('components', componentsRequestSchema, { components: [{ application: 'app', component: 'camera', podUid: 'u' }] });
  const peers = ['127.0.0.2', '127.0.0.3'].map((node) => ({ node, address: node }));
  expect(await ask('peers', peersRequestSchema, { peers })).toEqual({ ok: true, value: { probed: 1 } });
  await bus.request(subjects.request('node-127.0.0.3', 'peers'), peersRequestSchema, { peers }, replySchema, 2000);

  const pushed = JSON.stringify({
    resourceMetrics: [
      {
        resource: {
          attributes: [
            { key: 'mlsysops.app', value: { stringValue: 'app' } },
            { key: 'mlsysops.component', value: { stringValue: 'camera' } },
          ],
        },
        scopeMetrics: [{ metrics: [{ name: 'people_in_view', gauge: { dataPoints: [{ asInt: '3' }] } }] }],
      },
    ],
  });
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const options = { host: '127.0.0.2', port: receiver, path: '/v1/metrics', method: 'POST', headers };
    request(options, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end(pushed);
  });
  expect(status).toBe(200);
  await expect
    .poll(
      async () => {
        await clock.advance(1000);
        return new Set(heard.map(({ metric, peer }) => (peer ? `${metric} to ${peer}` : metric)));
      },
      { timeout: 10_000 },
    )
    .toEqual(
      new Set([
        ...['cpu_used_ratio', 'cpu_cores', 'people_in_view'],
        ...['link_round_trip_ms', 'link_loss_ratio', 'link_throughput_bytes_per_second'].map(
          (metric) => `${metric} to 127.0.0.3`,
        ),
      ]),
    );
  expect(heard.find(({ metric }) => metric === 'people_in_view')).toEqual({
    metric: 'people_in_view',
    value: 3,
    application: 'app',
    component: 'camera',
  });
  // What came a while ago is not told on the bus again, but to who asks.
  heard.length = 0;
  await clock.advance(1000);
  await expect.poll(() => heard.some(({ metric }) => metric === 'cpu_used_ratio'), { timeout: 10_000 }).toBe(true);
  expect(heard.some(({ metric }) => metric === 'people_in_view')).toBe(false);
  const series = checkOpenMetrics(await fetchText(`http://127.0.0.2:${metrics}/metrics`));
  expect(series.get('cpu_used_ratio{cluster="c1",node="127.0.0.2"}')).toBe(0.25);
  expect(series.get('people_in_view{application="app",cluster="c1",component="camera",node="127.0.0.2"}')).toBe(3);
  expect(series.has('link_round_trip_ms{cluster="c1",node="127.0.0.2",peer="127.0.0.3"}')).toBe(true);
  expect(problems).toEqual([]);
});

test('every node has a few peers, near it by name, and is a peer of as many', () => {
  const nodes = Array.from({ length: 30 }, (_, index) => ({
    name: `w${String(index).padStart(2, '0')}`,
    address: `10.0.0.${index}`,
  }));
  const of = new Map([...peersOf(nodes)].map(([name, peers]) => [name, peers.map(({ node }) => node)]));
  for (const [name, peers] of of) {
    expect(peers).toHaveLength(8);
    for (const peer of peers) expect(of.get(peer)).toContain(name);
  }
  const [a, b] = [
    { name: 'a', address: '1' },
    { name: 'b', address: '2' },
  ];
  expect(peersOf([b, a, { name: 'c' }])).toEqual(
    new Map([
      ['a', [{ node: 'b', address: '2' }]],
      ['b', [{ node: 'a', address: '1' }]],
    ]),
  );
  expect(peersOf([a])).toEqual(new Map([['a', []]]));
});
