import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { decisionRecordSchema } from '../decision/record.ts';
import { aggregateSchema } from './aggregates.ts';
import { fitting } from './fitting.ts';
import { applicationStatusSchema, heartbeatSchema, replySchema, telemetrySchema } from './messages.ts';
import { applyRequestSchema, componentsRequestSchema, mechanismsAnswerSchema, peersRequestSchema } from './requests.ts';

/** What the bus carries, and schemas whose parsing changes values: these must never be said to fit when they do. */
const schemas: Record<string, z.ZodType> = {
  ...{ heartbeatSchema, telemetrySchema, aggregateSchema, replySchema, applicationStatusSchema, decisionRecordSchema },
  ...{ componentsRequestSchema, peersRequestSchema, applyRequestSchema, mechanismsAnswerSchema },
  unknown: z.unknown(),
  strict: z.strictObject({ agent: z.string(), value: z.number().optional() }),
  loose: z.looseObject({ agent: z.string() }),
  'union of objects': z.union([z.object({ agent: z.string() }), z.object({ agent: z.string(), value: z.number() })]),
  'union of arrays': z.union([z.array(z.object({ agent: z.string() })), z.array(z.unknown())]),
  'default within optional': z.object({ value: z.number().default(1).optional() }),
  default: z.object({ value: z.number().default(1) }),
  trimmed: z.object({ agent: z.string().trim() }),
  refined: z.object({ value: z.number() }).refine(({ value }) => value > 1),
  formats: z.object({ agent: z.email(), value: z.number().multipleOf(2) }),
  integers: z.tuple([z.int(), z.number().int().min(0).max(9), z.number().positive(), z.number().lt(3).nullable()]),
  coerced: z.array(z.coerce.number()),
  lengths: z.array(z.string().min(1).max(3)).min(1).max(2),
};

const names = [
  'agent',
  'cluster',
  'node',
  'time',
  'samples',
  'metric',
  'value',
  'peer',
  'ok',
  'error',
  'groups',
  'gauges',
  'counters',
];
const name = fc.constantFrom(...names, '__proto__', 'other');
const scalar = fc.oneof(
  fc.constantFrom(0, -0, 1, 2.5, -3, Number.NaN, Number.POSITIVE_INFINITY, '', 'a', ' a', true, false, null, undefined),
  fc.constantFrom('node', 'cluster', 10n, new Date(0), Symbol.iterator),
);
const anything = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 5, depthSize: 'large' }, scalar, fc.array(tie('value'), { maxLength: 4 }), tie('object')),
  object: fc.array(fc.tuple(name, tie('value')), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
})).value;

const heartbeat = {
  ...{
    agent: 'node-a',
    layer: 'node',
    cluster: 'c',
    node: 'a',
    time: 1,
    sequence: 0,
    intervalMs: 1000,
    version: '1',
    startedAt: 0,
  },
};
const samples = [
  { metric: 'power_w', value: 40.5, source: 'simulated' },
  { metric: 'link_loss_ratio', value: 0, peer: 'b' },
];
const command = { kind: 'stay' };
/** Messages as they are sent; parts of them are put elsewhere, taken away and replaced. */
const messages: Record<string, unknown> = {
  heartbeatSchema: heartbeat,
  telemetrySchema: { agent: 'node-a', cluster: 'c', node: 'a', time: 1.5, samples },
  aggregateSchema: {
    ...{ agent: 'cluster-c', cluster: 'c', node: 'a', time: 5, spanMs: 5000, metrics: ['power_w', 'requests_total'] },
    groups: [
      { gauges: [[0, [5, 40.5]]], counters: [[1, [10, 20]]] },
      { peer: 'b', gauges: [[0, [5, 200, 39, 41, [180, -3, 2]]]] },
      { application: 'x', gauges: [[0, [2, 0, -1, 1, [0], [0], 0]]] },
    ],
  },
  replySchema: { ok: true, value: { CPUFrequencyConfigurator: { state: [{ cpus: [0, 1], frequency_hz: 2e9 }], options: null } } },
  applicationStatusSchema: {
    ...{ application: 'x', cluster: 'c', time: 1, state: 'deployed', targets: [] },
    components: [{ name: 'y', state: 'running', node: 'a', pod: null, sendsTo: [] }],
  },
  componentsRequestSchema: { components: [{ application: 'x', component: 'y', podUid: 'u', permittedActions: ['move'] }] },
  peersRequestSchema: { peers: [{ node: 'b', address: '10.0.0.2' }] },
  applyRequestSchema: { id: 'i', plan: 'p', mechanism: 'm', command },
  mechanismsAnswerSchema: { m: { state: {}, options: [1, 'a'] } },
  unknown: { any: ['thing'] },
  strict: { agent: 'a' },
  'default within optional': { value: 2 },
  default: { value: 2 },
  integers: [1, 2, 3, null],
  lengths: ['a', 'abc'],
};

function changed(value: unknown, path: readonly number[], by: unknown, what: 'set' | 'delete' | 'add'): unknown {
  const copy = structuredClone(value);
  let at: unknown = copy;
  for (const step of path) {
    if (typeof at !== 'object' || at === null) break;
    const here = at as Record<string, unknown>;
    const keys = Object.keys(here);
    const key = keys[step % Math.max(keys.length, 1)];
    if (key === undefined) break;
    const next = here[key];
    if (typeof next === 'object' && next !== null && step % 5 > 0) {
      at = next;
      continue;
    }
    if (what === 'set') here[key] = by;
    else if (what === 'delete') delete here[key];
    else if (!Array.isArray(here)) here.other = by;
    break;
  }
  return copy;
}

function holds(schema: z.ZodType, value: unknown): void {
  if (!fitting(schema)(value)) return;
  expect(schema.parse(value)).toStrictEqual(value);
  expect(JSON.parse(JSON.stringify(value))).toStrictEqual(value);
}

test.each(Object.keys(schemas))('what fits %s is what it parses to, and what JSON makes of it', (key) => {
  const schema = schemas[key]!;
  fc.assert(fc.property(anything, (value) => holds(schema, value)));
  const message = messages[key];
  const steps = fc.array(fc.nat(20), { minLength: 1, maxLength: 6 });
  const what = fc.constantFrom('set' as const, 'delete' as const, 'add' as const);
  if (message !== undefined)
    fc.assert(fc.property(steps, anything, what, (path, by, how) => holds(schema, changed(message, path, by, how))));
});

test('what is sent fits; what is not as its schema says does not', () => {
  for (const [key, message] of Object.entries(messages)) expect([key, fitting(schemas[key]!)(message)]).toEqual([key, true]);
  const misfits = [
    ...[
      { ...heartbeat, layer: 'other' },
      { ...heartbeat, sequence: 1.5 },
      { ...heartbeat, agent: '' },
      { ...heartbeat, more: 1 },
    ],
    ...[{ ...heartbeat, node: undefined }, { ...heartbeat, intervalMs: 0 }, { ...heartbeat, time: Number.NaN }, null, []],
  ];
  for (const value of misfits) expect(fitting(heartbeatSchema)(value)).toBe(false);
});
