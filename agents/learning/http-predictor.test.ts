import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { HttpPredictor, type HttpPredictorSettings } from './http-predictor.ts';

let close: (() => void) | undefined;
afterEach(() => close?.());

/** A model server on loopback, and a predictor of it with a clock by hand. */
async function served(answer: RequestListener, settings: Partial<HttpPredictorSettings> = {}) {
  const asked: unknown[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push({ path: request.url, body: JSON.parse(Buffer.concat(chunks).toString()) });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const told: string[] = [];
  const clock = { now: 1000 };
  const predictor = new HttpPredictor(
    { url, timeoutMs: 5000, ...settings },
    { fetch, now: () => clock.now, tell: (level, message) => told.push(`${level}: ${message}`) },
  );
  return { predictor, asked, told, clock };
}
const json =
  (value: unknown): RequestListener =>
  (_, response) =>
    response.end(JSON.stringify(value));

test("asks as the framework's models are asked, and takes figures as they print them, with their explanation", async () => {
  const explanation = { simple_output: { people: 44, load: -1, base_value: 33, 'F(x)': 76 }, message: ['explained'] };
  const { predictor, asked } = await served(json({ inference: '[76.]', explanation }));
  expect(await predictor.predict('worker-1', { people: 3, load: 0.2 })).toEqual({
    value: 76,
    at: 1000,
    explanation: { base: 33, contributions: { people: 44, load: -1 } },
  });
  expect(asked).toEqual([{ path: '/prediction', body: { data: { people: 3, load: 0.2 }, explanation: true } }]);
});

test('an explanation that does not add up to the prediction is not told', async () => {
  const { predictor } = await served(json({ inference: [[76]], explanation: { people: 4, base_value: 33 } }));
  expect(await predictor.predict('worker-1', { people: 3 })).toEqual({ value: 76, at: 1000 });
});

test.each([
  ['not JSON', (_: unknown, response: { end(text: string): void }) => response.end('<html>'), 'not JSON'],
  ['no number', json({ inference: 'many' }), 'no number: "many"'],
  ['not finite', json({ inference: '[inf]' }), 'no number'],
  ['an error', json({ error: 'Failed to load model' }), 'it says: "Failed to load model"'],
  ['something else', json([1, 2]), 'not one of a prediction'],
  [
    'too much',
    (_: unknown, response: { end(text: string): void }) => response.end(`"${'x'.repeat(100_000)}"`),
    'more than 65536 bytes',
  ],
] satisfies [string, RequestListener, string][])('an answer that is %s is an error in words', async (_, answer, message) => {
  const { predictor } = await served(answer);
  await expect(predictor.predict('worker-1', { people: 3 })).rejects.toThrow(message);
});

test('a model that does not answer costs its timeout; a redirect is not followed', async () => {
  const silent = await served(() => {}, { timeoutMs: 50 });
  await expect(silent.predictor.predict('worker-1', {})).rejects.toThrow('no answer within 50 ms');
  close?.();
  const elsewhere = await served((_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end());
  await expect(elsewhere.predictor.predict('worker-1', {})).rejects.toThrow('gives no prediction of worker-1');
});

test('what it last said stands while it fails; it is left alone for a while, and told of once', async () => {
  let isDown = false;
  const { predictor, asked, told, clock } = await served(
    (_, response) => (isDown ? response.writeHead(500).end() : response.end('{"inference": 38}')),
    { failures: 2, restMs: 10_000 },
  );
  expect((await predictor.predict('worker-1', {})).stale).toBeUndefined();
  isDown = true;
  clock.now = 2000;
  expect(await predictor.predict('worker-1', {})).toEqual({ value: 38, at: 1000, stale: 'it answered 500' });
  await expect(predictor.predict('worker-2', {})).rejects.toThrow('it answered 500');
  expect(asked).toHaveLength(3);
  // Two failures in a row: not asked any more.
  expect((await predictor.predict('worker-1', {})).stale).toContain('left alone');
  expect(asked).toHaveLength(3);
  isDown = false;
  clock.now = 12_001;
  expect(await predictor.predict('worker-1', {})).toEqual({ value: 38, at: 12_001 });
  expect(told.map((line) => line.replace(/http\S+/, 'URL'))).toEqual([
    'warn: the model at URL gives no prediction: it answered 500',
    'info: the model at URL answers again',
  ]);
});
