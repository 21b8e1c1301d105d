import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Telemetry } from '../../bus/messages.ts';
import { ManualClock } from '../../manual-clock.ts';
import { OtlpExporter } from './exporter.ts';
import { attributesOf, type ExportRequest, exportRequest, exportRequestSchema, exportResponse } from './messages.ts';
import { collector, type Outcome, parseHeaders } from './send.ts';
import { decodeMessage, encodeMessage } from './wire.ts';

const read = (body: Buffer): ExportRequest => exportRequestSchema.parse(decodeMessage(exportRequest, body));
const told = (time: number, samples: Telemetry['samples']): Telemetry => ({
  agent: 'node-a',
  cluster: 'c1',
  node: 'a',
  time,
  samples,
});
const points = (request: ExportRequest): number =>
  request.resourceMetrics
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
    .reduce((sum, { gauge, sum: counter }) => sum + (gauge?.dataPoints.length ?? 0) + (counter?.dataPoints.length ?? 0), 0);

function exporterTo(send: (body: Buffer) => Promise<Outcome>) {
  const clock = new ManualClock(1_700_000_000_000);
  const said: string[] = [];
  const options = { clock, random: () => 1, send, intervalMs: 10_000, log: (text: string) => said.push(text), version: '1' };
  return { clock, said, exporter: new OtlpExporter(options) };
}
const counters = (exporter: OtlpExporter): number[] => exporter.samples().map(({ value }) => value);

test('telemetry reaches a collector over HTTP, packed, with the headers of a file; what it rejects is counted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mls-otlp-'));
  const heard: { headers: IncomingHttpHeaders; url: string | undefined; request: ExportRequest }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      heard.push({ headers: request.headers, url: request.url, request: read(gunzipSync(Buffer.concat(chunks))) });
      response.end(encodeMessage(exportResponse, { partialSuccess: { rejectedDataPoints: 1, errorMessage: 'too old' } }));
    });
  });
  try {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const headersFile = join(folder, 'headers');
    await writeFile(headersFile, '# a token\nAuthorization: Bearer abc\n');
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { exporter } = exporterTo(collector({ endpoint, headersFile }));
    const from = { application: 'app', component: 'camera' };
    exporter.add(
      told(1_700_000_000_123, [
        { metric: 'cpu_used_ratio', value: 0.5 },
        { metric: 'power_w', value: 30, source: 'model' },
        { metric: 'frames_total', value: 7, ...from },
      ]),
    );
    await exporter.flush();
    const [first] = heard;
    expect(first).toMatchObject({ url: '/v1/metrics', headers: { authorization: 'Bearer abc', 'content-encoding': 'gzip' } });
    const [node, camera] = first!.request.resourceMetrics;
    expect(attributesOf(node!.resource.attributes)).toMatchObject({ 'host.name': 'a', 'service.name': 'node-a' });
    expect(attributesOf(camera!.resource.attributes)).toMatchObject({ 'mlsysops.app': 'app', 'mlsysops.component': 'camera' });
    expect(node!.scopeMetrics[0]!.metrics.map(({ name, gauge }) => [name, gauge?.dataPoints[0]?.asDouble])).toEqual([
      ['cpu_used_ratio', 0.5],
      ['power_w', 30],
    ]);
    expect(camera!.scopeMetrics[0]!.metrics[0]).toMatchObject({
      name: 'frames_total',
      sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [{ asDouble: 7, timeUnixNano: 1_700_000_000_123e6 }] },
    });
    expect(counters(exporter)).toEqual([2, 1]);
  } finally {
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true });
  }
});

test('a collector that is away is asked again with growing pauses, and then gets all that there was room for', async () => {
  let away = true;
  const taken: number[] = [];
  const asked: number[] = [];
  const { clock, said, exporter } = exporterTo(async (body) => {
    asked.push(clock.now());
    if (away) return { kind: 'retry', reason: 'refused connection' };
    taken.push(points(read(body)));
    return { kind: 'taken', rejected: 0 };
  });
  const samples = Array.from({ length: 50 }, (_, index) => ({ metric: `m${index}`, value: index }));
  for (let second = 0; second < 600; second++) {
    exporter.add(told(clock.now(), samples));
    await clock.advance(1000);
  }
  // Pauses of 1, 2, 4 … 60 s: far fewer than the 60 times that there was something to send.
  expect(asked.length).toBeLessThan(20);
  expect(said).toEqual(['telemetry is not exported: refused connection']);
  away = false;
  await clock.advance(60_000);
  expect(taken.every((count) => count <= 4000)).toBe(true);
  expect(taken.reduce((sum, count) => sum + count, 0)).toBe(20_000);
  // 600 × 50 points came in: each was exported or counted as dropped.
  expect(counters(exporter)).toEqual([20_000, 10_000]);
  expect(said.at(-1)).toBe('exporting telemetry works again');
  exporter.close();
});

test('a pause that the collector asks for is kept; what it refuses for good is dropped and counted', async () => {
  const outcomes: Outcome[] = [
    { kind: 'retry', reason: 'busy', retryAfterMs: 45_000 },
    { kind: 'refused', reason: 'bad request' },
    { kind: 'taken', rejected: 0 },
  ];
  let asked = 0;
  const { clock, exporter } = exporterTo(async () => outcomes[asked++] ?? { kind: 'taken', rejected: 0 });
  exporter.add(told(1, [{ metric: 'x', value: 1 }]));
  await clock.advance(50_000);
  expect(asked).toBe(1);
  await clock.advance(10_000);
  expect([asked, counters(exporter)]).toEqual([2, [0, 1]]);
  exporter.add(told(2, [{ metric: 'x', value: 1 }]));
  await clock.advance(10_000);
  expect(counters(exporter)).toEqual([1, 1]);
});

test('a collector with a certificate of an authority of its own is believed by that authority alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mls-otlp-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = spawnSync('openssl', [
    ...[
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
      '-subj',
      '/CN=collector',
    ],
    ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
  ]);
  expect(made.status, String(made.stderr)).toBe(0);
  const server = createSecureServer({ key: await readFile(key), cert: await readFile(certificate) }, (_, response) =>
    response.end(),
  );
  try {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await collector({ endpoint, caFile: certificate })(Buffer.from('x'))).toEqual({ kind: 'taken', rejected: 0 });
    expect(await collector({ endpoint })(Buffer.from('x'))).toMatchObject({
      kind: 'retry',
      reason: expect.stringMatching(/self-signed/),
    });
  } finally {
    server.close();
    await rm(folder, { recursive: true });
  }
});

test('what a collector answers decides; a file of headers that is none is named without what stands in it', async () => {
  const server = createServer((request, response) => {
    const status = Number(request.url?.split('/')[1]);
    response.writeHead(status, status === 429 ? { 'retry-after': '7' } : {}).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const outcome = (status: number) => collector({ endpoint: `${base}/${status}` })(Buffer.from('x'));
  expect(await outcome(429)).toMatchObject({ kind: 'retry', retryAfterMs: 7000 });
  expect(await outcome(503)).toMatchObject({ kind: 'retry' });
  expect(await outcome(400)).toMatchObject({ kind: 'refused' });
  expect(await outcome(200)).toEqual({ kind: 'taken', rejected: 0 });
  server.close();
  server.closeAllConnections();
  expect(await outcome(200)).toMatchObject({ kind: 'retry', reason: expect.stringContaining('ECONNREFUSED') });
  expect(() => parseHeaders('a: b\nsecret')).toThrow(/^line 2 of the headers' file is no "Name: value"$/);
  expect(() => collector({ endpoint: 'ftp://x' })).toThrow(TypeError);
});
