import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { Digest, histogramQuantile } from './digest.ts';
import { readingsOf } from './exposition-readings.ts';
import { type Exposition, OpenMetricsError, parseExposition } from './openmetrics.ts';
import { ComponentScraper, fetchText } from './scrape.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}
const from = { application: 'app', component: 'camera' };
const tracked = { ...from, podUid: 'u1', metricsUrl: 'http://127.0.0.1:1/metrics' };

test('what an application tells becomes values: counters with rates, histograms and summaries as quantiles, label sets together', async () => {
  let now = 0;
  let at = (seconds: number) => seconds;
  const page = () => `# TYPE people gauge
people 3
# TYPE frames counter
frames_total{camera="1"} ${at(100)}
frames_total{camera="2"} ${at(50)}
frames_created{camera="1"} 1700000000
# TYPE queue gauge
queue{shard="a"} 2
queue{shard="b"} 4
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.1"} ${at(8)}
wait_seconds_bucket{le="0.2"} ${at(16)}
wait_seconds_bucket{le="+Inf"} ${at(16)}
wait_seconds_sum ${at(1.6)}
wait_seconds_count ${at(16)}
# TYPE size_bytes summary
size_bytes{quantile="0.5"} 100
size_bytes{quantile="0.999"} 900
broken NaN
# EOF
`;
  const scraper = new ComponentScraper({ now: () => now, fetchText: async () => page() });
  const values = async (): Promise<Record<string, number>> =>
    Object.fromEntries((await scraper.scrape(tracked)).map(({ metric, value }) => [metric, value]));
  expect(await values()).toEqual({ people: 3, frames_total: 150, queue: 3, size_bytes_p50: 100, size_bytes_p99_9: 900 });
  now = 2000;
  at = (seconds) => seconds * 2;
  expect(await values()).toEqual({
    people: 3,
    frames_total: 300,
    frames_per_second: 75,
    queue: 3,
    wait_seconds_per_second: 8,
    wait_seconds_mean: 0.1,
    wait_seconds_p50: 0.1,
    wait_seconds_p95: expect.closeTo(0.19),
    wait_seconds_p99: expect.closeTo(0.198),
    size_bytes_p50: 100,
    size_bytes_p99_9: 900,
  });
  now = 3000;
  at = (seconds) => seconds / 2;
  // Begun anew: no rate over it, and the quantiles of what it holds.
  const after = await values();
  expect(after.frames_per_second).toBeUndefined();
  expect(after.wait_seconds_mean).toBeCloseTo(0.1);
});

test("a histogram's quantile lies in the bucket that holds the value", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 60 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (bounds, values, q) => {
        const uppers = [...bounds.sort((a, b) => a - b), Number.POSITIVE_INFINITY];
        const told = histogramQuantile(
          uppers.map((upper): [number, number] => [upper, values.filter((value) => value <= upper).length]),
          q,
        )!;
        const exact = values.toSorted((a, b) => a - b)[Math.ceil(q * values.length) - 1]!;
        const index = uppers.findIndex((upper) => exact <= upper);
        expect(told).toBeGreaterThanOrEqual((index === 0 ? 0 : uppers[index - 1]!) - 1e-9);
        expect(told).toBeLessThanOrEqual(index === uppers.length - 1 ? uppers[index - 1]! : uppers[index]!);
      },
    ),
  );
});

test('a page that is too long, trickles, never answers or is refused ends the reading, not the agent', async () => {
  const endless = await serve((_, response) => {
    const pour = (): void => {
      while (!response.destroyed && response.write('x'.repeat(10_000))) {}
      response.once('drain', pour);
    };
    pour();
  });
  await expect(fetchText(endless, { mostBytes: 100_000 })).rejects.toThrow(/more than 100000 bytes/);
  const trickling = await serve((_, response) => {
    const timer = setInterval(() => response.write('x'), 20);
    response.on('close', () => clearInterval(timer));
  });
  await expect(fetchText(trickling, { timeoutMs: 150 })).rejects.toThrow(/within 150 ms/);
  const silent = await serve(() => {});
  await expect(fetchText(silent, { timeoutMs: 50 })).rejects.toThrow(/within 50 ms/);
  const refusing = await serve((_, response) => response.writeHead(503).end('x'));
  await expect(fetchText(refusing)).rejects.toThrow(/answered 503/);
});

test('a component that fails again and again is asked less often, and at once again when it answers', async () => {
  let now = 0;
  let asked = 0;
  let fails = true;
  const scraper = new ComponentScraper({
    now: () => now,
    fetchText: async () => {
      asked++;
      if (fails) throw new Error('refused');
      return 'x 1\n';
    },
  });
  const minute = async (): Promise<number> => {
    asked = 0;
    for (let second = 0; second < 60; second++) {
      now += 1000;
      await scraper.scrape(tracked).catch(() => []);
    }
    return asked;
  };
  expect(await minute()).toBeLessThan(10);
  fails = false;
  await minute();
  expect(await minute()).toBe(60);
});

test('a thousand label sets do not become a thousand series', async () => {
  const page = Array.from({ length: 1000 }, (_, index) => `metric_${index} 1`).join('\n');
  const scraper = new ComponentScraper({ fetchText: async () => page });
  expect((await scraper.scrape(tracked)).length).toBe(200);
});

test('names that come anew with every page do not fill the memory', () => {
  const digest = new Digest();
  for (let page = 0; page < 1000; page++)
    digest.next(
      Array.from({ length: 20 }, (_, index) => ({ kind: 'counter' as const, metric: `m_${page}_${index}_total`, value: page })),
      page * 1000,
    );
  expect(digest.size).toBeLessThan(200);
});

test('whatever page comes, it is read or refused in words, and what is told of it are numbers', () => {
  const line = fc.oneof(
    fc.constantFrom(
      '# TYPE h histogram',
      '# TYPE s summary',
      '# TYPE c counter',
      'h_bucket{le="x"} 1',
      'h_bucket{le="+Inf"} 9',
      'h_count 9',
    ),
    fc.constantFrom(
      'h_sum NaN',
      's{quantile="z"} 1',
      's{quantile="0.5"} +Inf',
      'c_total -1',
      'c_total 1e400',
      '_total 1',
      'x{} 1',
      'x{a="',
    ),
    fc.string({ maxLength: 30 }),
  );
  const pages = fc.array(
    fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n')),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(pages, (texts) => {
      const digest = new Digest();
      for (const [index, text] of texts.entries()) {
        let page: Exposition;
        try {
          page = parseExposition(text);
        } catch (error) {
          expect(error).toBeInstanceOf(OpenMetricsError);
          continue;
        }
        for (const { metric, value } of digest.next(readingsOf(page), index * 1000))
          expect([metric, Number.isFinite(value)]).toEqual([expect.not.stringContaining('NaN'), true]);
      }
    }),
    { numRuns: 1000 },
  );
});
