import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { attributeList, attributesOf, exportRequest, exportRequestSchema } from './messages.ts';
import { PushedMetrics } from './pushed.ts';
import { startReceiver } from './receiver.ts';
import { decodeMessage, encodeMessage, type Message, WireError } from './wire.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

interface Answer {
  status: number;
  body: Buffer;
}
async function start(from = ['127.0.0.0/8'], now?: () => number) {
  const pushed = new PushedMetrics();
  pushed.track([{ application: 'app', component: 'camera', podUid: 'u' }]);
  const receiver = startReceiver({ host: '127.0.0.1', port: 0, log: () => {}, from, now }, pushed);
  open.push(receiver);
  await receiver.listening;
  const post = (body: Buffer | string, headers: Record<string, string>, path = '/v1/metrics'): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request({ port: receiver.port, host: '127.0.0.1', path, method: 'POST', headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  return { pushed, post };
}
const protobuf = { 'content-type': 'application/x-protobuf' };
const json = { 'content-type': 'application/json' };
const requestOf = (metrics: Message[], component = 'camera'): Message => ({
  resourceMetrics: [
    {
      resource: { attributes: attributeList({ 'mlsysops.app': 'app', 'mlsysops.component': component }) },
      scopeMetrics: [{ metrics }],
    },
  ],
});
const values = (pushed: PushedMetrics, atMs: number): Record<string, number> =>
  Object.fromEntries(pushed.samples(atMs).map(({ metric, value }) => [metric, value]));

test('what is pushed in protobuf or JSON, plain or packed, becomes the same values', async () => {
  const metrics = (frames: number): Message[] => [
    { name: 'people.in_view', unit: '{person}', gauge: { dataPoints: [{ asInt: 3 }] } },
    { name: 'frames', sum: { dataPoints: [{ asInt: frames }], aggregationTemporality: 2, isMonotonic: true } },
    { name: 'queue', sum: { dataPoints: [{ asDouble: -1.5 }], aggregationTemporality: 2 } },
    {
      name: 'wait',
      histogram: {
        dataPoints: [{ count: frames, sum: frames * 4, bucketCounts: [frames / 2, frames / 2, 0], explicitBounds: [10, 20] }],
        aggregationTemporality: 2,
      },
    },
    { name: 'size', summary: { dataPoints: [{ count: 4, sum: 8, quantileValues: [{ quantile: 0.5, value: 7 }] }] } },
  ];
  const ways: [string, (message: Message) => [Buffer | string, Record<string, string>]][] = [
    ['protobuf', (message) => [encodeMessage(exportRequest, message), protobuf]],
    ['json', (message) => [JSON.stringify(message), json]],
    ['gzip', (message) => [gzipSync(encodeMessage(exportRequest, message)), { ...protobuf, 'content-encoding': 'gzip' }]],
  ];
  for (const [, encoded] of ways) {
    const { pushed, post } = await start();
    for (const [frames, at] of [
      [100, 0],
      [160, 2000],
    ] as const) {
      const answer = await post(...encoded(requestOf(metrics(frames))));
      expect(answer.status).toBe(200);
      if (at === 0) values(pushed, at);
    }
    expect(values(pushed, 2000)).toEqual({
      people_in_view: 3,
      frames_total: 160,
      frames_per_second: 30,
      queue: -1.5,
      wait_per_second: 30,
      wait_mean: 4,
      wait_p50: 10,
      wait_p95: 19,
      wait_p99: expect.closeTo(19.8),
      size_p50: 7,
      size_per_second: 0,
    });
    // Nothing was told since.
    expect(pushed.samples(3000)).toEqual([]);
  }
});

test('JSON as other exporters write it: integers as text, attributes of every kind', async () => {
  const { pushed, post } = await start();
  const text = `{"resourceMetrics":[{"resource":{"attributes":[{"key":"mlsysops.app","value":{"stringValue":"app"}},
    {"key":"mlsysops.component","value":{"stringValue":"camera"}},{"key":"process.pid","value":{"intValue":"7"}},{"key":"tags","value":{"arrayValue":{"values":[]}}}]},
    "scopeMetrics":[{"scope":{"name":"x"},"metrics":[{"name":"my.counter","description":"d","sum":{"aggregationTemporality":2,"isMonotonic":true,
    "dataPoints":[{"asInt":"9007199254740991","startTimeUnixNano":"1544712660300000000","timeUnixNano":"1544712660300000000","attributes":[]}]}}]}]}]}`;
  expect(await post(text, { 'content-type': 'application/json; charset=utf-8' })).toMatchObject({ status: 200 });
  expect(values(pushed, 0)).toEqual({ my_counter_total: 9_007_199_254_740_991 });
});

test("bytes that OpenTelemetry's own library for Python has written are read", () => {
  const bytes = Buffer.from(
    'CtwBCjAKFQoMbWxzeXNvcHMuYXBwEgUKA2FwcAoXCgRsaXN0Eg8qDQoLGP3//////////wESpwEKAwoBcxJbCgFoSlYKUiEFAAAAAAAAACkAAAAAAAAeQDIYAQAAAAAAAAACAAAAAAAAAAIAAAAAAAAAOhCamZmZmZm5PwAAAAAAAOA/QgkZAAAAAAAA8D9ZmpmZmZmZuT8QAhIbCgFlUhYKFCEuAQAAAAAAADADQgcIDRIDrAICEhAKAW4qCwoJMfT/////////EhQKAXM6DwoJMQwAAAAAAAAAEAEYAQ==',
    'base64',
  );
  const [{ resource, scopeMetrics } = { resource: { attributes: [] }, scopeMetrics: [] }] = exportRequestSchema.parse(
    decodeMessage(exportRequest, bytes),
  ).resourceMetrics;
  expect(attributesOf(resource.attributes)).toEqual({ 'mlsysops.app': 'app', list: '' });
  const [histogram, exponential, gauge, sum] = scopeMetrics[0]!.metrics;
  expect(histogram!.histogram).toEqual({
    aggregationTemporality: 2,
    dataPoints: [{ attributes: [], count: 5, sum: 7.5, bucketCounts: [1, 2, 2], explicitBounds: [0.1, 0.5] }],
  });
  expect(exponential!.exponentialHistogram!.dataPoints[0]).toMatchObject({
    scale: -2,
    positive: { offset: -7, bucketCounts: [300, 2] },
  });
  expect(gauge!.gauge!.dataPoints[0]!.asInt).toBe(-12);
  expect(sum!.sum).toMatchObject({ isMonotonic: true, aggregationTemporality: 1 });
});

test('growth alone is added up; attribute sets are put together; exponential histograms have quantiles', async () => {
  const pushed = new PushedMetrics();
  pushed.track([{ application: 'app', component: 'camera', podUid: 'u' }]);
  const take = (metrics: Message[]) => pushed.take(exportRequestSchema.parse(requestOf(metrics)), 0);
  const of = (camera: string) => ({ attributes: attributeList({ camera }) });
  const message = (count: number): Message[] => [
    {
      name: 'frames',
      sum: {
        dataPoints: [
          { asInt: 5, ...of('1') },
          { asInt: 7, ...of('2') },
        ],
        aggregationTemporality: 1,
        isMonotonic: true,
      },
    },
    {
      name: 'heat',
      gauge: {
        dataPoints: [
          { asDouble: 20, ...of('1') },
          { asDouble: 30, ...of('2') },
        ],
      },
    },
    {
      name: 'delay',
      exponentialHistogram: {
        // Base 2: (4, 8], (8, 16].
        dataPoints: [
          { count, sum: count * 6, scale: 0, zeroCount: 0, positive: { offset: 2, bucketCounts: [count / 2, count / 2] } },
        ],
        aggregationTemporality: 2,
      },
    },
  ];
  take(message(10));
  expect(values(pushed, 0)).toEqual({ frames_total: 12, heat: 25 });
  take(message(30));
  expect(values(pushed, 1000)).toEqual({
    frames_total: 24,
    frames_per_second: 12,
    heat: 25,
    delay_per_second: 20,
    delay_mean: 6,
    delay_p50: 8,
    delay_p95: expect.closeTo(15.2),
    delay_p99: expect.closeTo(15.84),
  });
});

test('only components that run here are believed, and who pushes others is told so', async () => {
  const { pushed, post } = await start();
  const metrics = [{ name: 'x', gauge: { dataPoints: [{ asInt: 1 }, { asInt: 2 }] } }];
  const stranger = await post(JSON.stringify(requestOf(metrics, 'detector')), json);
  expect(stranger.status).toBe(200);
  expect(JSON.parse(stranger.body.toString())).toEqual({
    partialSuccess: { rejectedDataPoints: 2, errorMessage: 'no component "detector" of "app" runs on this node' },
  });
  const nameless = await post(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }), json);
  expect(nameless.body.toString()).toContain('mlsysops.app');
  expect(pushed.samples(0)).toEqual([]);
  // A pod speaks for itself alone.
  pushed.track([{ application: 'app', component: 'camera', podUid: 'u', podIp: '10.0.0.7' }]);
  const request = exportRequestSchema.parse(requestOf(metrics));
  expect(pushed.take(request, 0, '10.0.0.8')).toEqual({
    rejected: 2,
    reason: '10.0.0.8 is no address of component "camera" of "app"',
  });
  expect(pushed.take(request, 0, '10.0.0.7').rejected).toBe(0);
  pushed.samples(0);
  const many = Array.from({ length: 600 }, (_, index) => ({ name: `m${index}`, gauge: { dataPoints: [{ asInt: 1 }] } }));
  const flood = await post(JSON.stringify(requestOf(many)), json);
  expect(JSON.parse(flood.body.toString()).partialSuccess.rejectedDataPoints).toBe(101);
  expect(pushed.samples(0)).toHaveLength(200);
});

test('series that end make way for others', () => {
  const pushed = new PushedMetrics();
  pushed.track([{ application: 'app', component: 'camera', podUid: 'u' }]);
  const push = (run: string, atMs: number) => {
    const dataPoints = Array.from({ length: 400 }, (_, index) => ({
      asInt: 1,
      attributes: attributeList({ run, index: `${index}` }),
    }));
    return pushed.take(exportRequestSchema.parse(requestOf([{ name: 'x', gauge: { dataPoints } }])), atMs).rejected;
  };
  expect(push('first', 0)).toBe(0);
  expect(push('second', 60_000)).toBe(300);
  expect(push('third', 700_000)).toBe(0);
});

test('hostile requests are refused in words, and the next one is taken', async () => {
  const { pushed, post } = await start(['127.0.0.0/8'], () => 0);
  const cases: [Promise<Answer>, number][] = [
    [post('{', json), 400],
    [post('{"resourceMetrics":7}', json), 400],
    [post(Buffer.from([10, 200]), protobuf), 400],
    [post('x', { 'content-type': 'text/plain' }), 415],
    [post('x', { ...protobuf, 'content-encoding': 'br' }), 415],
    [post(Buffer.alloc(1_100_000), protobuf), 413],
    [post(gzipSync(Buffer.alloc(8_000_000)), { ...protobuf, 'content-encoding': 'gzip' }), 413],
    [post('x', { ...protobuf, 'content-encoding': 'gzip' }), 400],
    [post('', json, '/v1/traces'), 404],
  ];
  for (const [answer, status] of cases) expect((await answer).status).toBe(status);
  const good = () => post(JSON.stringify(requestOf([{ name: 'x', gauge: { dataPoints: [{ asInt: 1 }] } }])), json);
  expect((await good()).status).toBe(200);
  expect(values(pushed, 0)).toEqual({ x: 1 });
  // The clock stands still: nothing fills up what a second may bring.
  const statuses: number[] = [];
  for (let index = 0; index < 60; index++) statuses.push((await good()).status);
  expect(statuses.at(-1)).toBe(429);
  const elsewhere = await start(['10.11.0.0/16']);
  expect((await elsewhere.post('{}', json)).status).toBe(403);
});

test('whatever bytes come, they are read, refused in words, or say nothing: never worse', () => {
  const good = encodeMessage(
    exportRequest,
    requestOf([{ name: 'x', gauge: { dataPoints: [{ asDouble: 1.5, timeUnixNano: 1e18 }] } }]),
  );
  const damaged = fc
    .tuple(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 5 }), fc.nat(good.length))
    .map(([changes, length]) => {
      const bytes = Buffer.from(good);
      for (const [at, byte] of changes) bytes[at] = byte;
      return bytes.subarray(0, length);
    });
  const bytes = fc.oneof(
    damaged,
    fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
  );
  const pushed = new PushedMetrics();
  pushed.track([{ application: 'app', component: 'camera', podUid: 'u' }]);
  fc.assert(
    fc.property(bytes, (hostile) => {
      let message: Message;
      try {
        message = decodeMessage(exportRequest, hostile);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
        return;
      }
      const parsed = exportRequestSchema.safeParse(message);
      if (parsed.success) pushed.take(parsed.data, 0);
      for (const { value } of pushed.samples(0)) expect(Number.isFinite(value)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('what is written is read back the same', () => {
  const point = fc.record({
    attributes: fc.dictionary(fc.string({ minLength: 1 }), fc.string()).map((named) => attributeList({ ...named })),
    asDouble: fc.double(),
    timeUnixNano: fc.integer({ min: 0, max: 2 ** 50 }),
  });
  const points = fc.array(point, { minLength: 1, maxLength: 4 });
  const metric = fc.oneof(
    fc.record({ name: fc.string({ minLength: 1 }), gauge: fc.record({ dataPoints: points }) }),
    fc.record({
      name: fc.string({ minLength: 1 }),
      sum: fc.record({ dataPoints: points, aggregationTemporality: fc.constantFrom(1, 2), isMonotonic: fc.boolean() }),
    }),
    fc.record({
      name: fc.string({ minLength: 1 }),
      exponentialHistogram: fc.record({
        dataPoints: fc.array(
          fc.record({
            count: fc.nat(),
            scale: fc.integer({ min: -10, max: 20 }),
            positive: fc.record({ offset: fc.integer(), bucketCounts: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }) }),
          }),
          { minLength: 1, maxLength: 3 },
        ),
        aggregationTemporality: fc.constant(2),
      }),
    }),
  );
  fc.assert(
    fc.property(fc.array(metric, { minLength: 1, maxLength: 4 }), (metrics) => {
      const message = exportRequestSchema.parse(requestOf(metrics));
      expect(exportRequestSchema.parse(decodeMessage(exportRequest, encodeMessage(exportRequest, requestOf(metrics))))).toEqual(
        message,
      );
    }),
  );
});
