import { request } from 'node:http';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { Telemetry } from '../bus/messages.ts';
import { type ExpositionServer, exposition, startExpositionServer } from './exposition-server.ts';
import { checkOpenMetrics } from './openmetrics-checker.fixture.ts';
import { fetchText } from './scrape.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});
const told = (samples: Telemetry['samples']): Telemetry => ({ agent: 'node-a', cluster: 'c1', node: 'a', time: 1, samples });
async function start(latest: () => Telemetry | undefined, port = 0, log: (text: string) => void = () => {}) {
  const server = startExpositionServer({ host: '127.0.0.1', port, log }, latest);
  open.push(server);
  await server.listening;
  return server;
}
const url = (server: ExpositionServer): string => `http://127.0.0.1:${server.port}/metrics`;

test('a node is told as OpenMetrics: types, units, help, labels of where a sample is from', async () => {
  const server = await start(() =>
    told([
      { metric: 'cpu_used_ratio', value: 0.25, source: 'cgroup' },
      { metric: 'energy_j', value: 12, source: 'rapl' },
      { metric: 'frames_total', value: 7, application: 'app', component: 'camera' },
      { metric: 'link_round_trip_ms', value: 1.5, peer: 'b' },
    ]),
  );
  const text = await fetchText(url(server));
  expect(text).toBe(`# TYPE cpu_used_ratio gauge
# UNIT cpu_used_ratio ratio
# HELP cpu_used_ratio Share of processor time that was used since the last reading
cpu_used_ratio{cluster="c1",node="a",source="cgroup"} 0.25
# TYPE energy_j counter
# UNIT energy_j j
# HELP energy_j Energy since the agent started; the source says whether it was measured (power_meter, rapl) or comes from a model
energy_j_total{cluster="c1",node="a",source="rapl"} 12
# TYPE frames counter
frames_total{cluster="c1",node="a",application="app",component="camera"} 7
# TYPE link_round_trip_ms gauge
# UNIT link_round_trip_ms ms
# HELP link_round_trip_ms Round trip to the peer, median of a few probes
link_round_trip_ms{cluster="c1",node="a",peer="b"} 1.5
# EOF
`);
  expect(checkOpenMetrics(text).size).toBe(4);
});

test('whatever is told, what is written keeps every rule of OpenMetrics and loses no series', () => {
  const name = fc.oneof(
    fc.constantFrom('x', 'x_total', 'y_ms', 'energy_j', 'http.server.duration', '9lives', '_total', 'cpu_used_ratio'),
    fc.string({ minLength: 1, maxLength: 6 }),
  );
  const sample = fc.record(
    {
      metric: name,
      value: fc.double({ min: 0, noNaN: true }),
      application: fc.string(),
      component: fc.constantFrom('a', 'b', '"', '\\', 'n\n'),
      source: fc.constantFrom('model'),
    },
    { requiredKeys: ['metric', 'value'] },
  );
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 30 }), (samples) => {
      const series = checkOpenMetrics(exposition(told(samples)));
      const origins = new Set(
        samples.map(({ metric, application, component, source }) =>
          JSON.stringify([
            metric === 'energy_j' ? 'energy_j_total' : metric.replace(/[^a-zA-Z0-9_:]/g, '_').replace(/^(?=\d)/, '_'),
            application,
            component,
            source,
          ]),
        ),
      );
      expect(series.size).toBe(origins.size);
    }),
  );
});

test('nothing to tell is an error of the moment; what nobody should ask is refused', async () => {
  const server = await start(() => undefined);
  await expect(fetchText(url(server))).rejects.toThrow(/503/);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const post = request(url(server), { method: 'POST' }, (response) => resolve(response.resume().statusCode));
    post.on('error', reject).end('x');
  });
  expect(status).toBe(405);
});

test('a port that is taken is told, and is no end', async () => {
  const first = await start(() => told([]));
  const said: string[] = [];
  const server = startExpositionServer({ host: '127.0.0.1', port: first.port!, log: (text) => said.push(text) }, () => told([]));
  open.push(server);
  await expect
    .poll(() => said, { timeout: 10_000 })
    .toEqual([expect.stringMatching(/cannot be listened to; trying again.*EADDRINUSE/)]);
  expect(server.port).toBeNull();
});
