import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentConfigSchema, type Log } from '../config.ts';
import { parseDescription } from '../descriptions/parse.ts';
import { ManualClock } from '../manual-clock.ts';
import { Aggregates } from '../telemetry/aggregates.ts';
import { CheckedClient } from './checked-client.fixture.ts';
import type { Handlers } from './endpoints/table.ts';
import { EventLog } from './events.ts';
import { appHandlers } from './handlers/apps.ts';
import type { ContinuumServices } from './handlers/sources.ts';
import { type RunningNorthbound, startNorthboundServer } from './server.ts';
import { sha256 } from './tokens.ts';

const operator = 'a-long-random-token-of-an-operator';
const viewer = 'a-long-random-token-of-a-viewer';
const description = (name: string) => `MLSysOpsApp:\n  name: ${name}\n  components: [{metadata: {name: front}}]\n`;

let folder: string;
let server: RunningNorthbound;
let client: CheckedClient;
let now: number;
let deployed: string[];
let logged: string[];
const log: Log = (level, text, details) => logged.push(JSON.stringify([level, text, details]));

/** Of the continuum agent, only that it counts what it is told to deploy; the other handlers are never asked here. */
const services: ContinuumServices = {
  deploy: async (text) => {
    const { value } = parseDescription(text, 'description');
    const name = 'name' in value && value.name ? value.name : '';
    deployed.push(name);
    return { application: name, uid: `uid-${name}-${deployed.length}` };
  },
  list: async () => {
    throw new Error(`the token is ${operator}`);
  },
  status: async () => undefined,
  remove: async () => false,
};
const sources = {
  services,
  clock: new ManualClock(0),
  aggregates: new Aggregates(1),
  orchestrator: { applications: () => [], members: () => [] },
};
const handlers = {
  ...appHandlers(sources, new EventLog()),
  'manage.ping': async () => ({ status: 'ok' as const, answered: [], silent: [] }),
} as unknown as Handlers;

async function start(limit = { perSecond: 1000, burst: 10_000 }): Promise<void> {
  const { northbound } = agentConfigSchema.parse({
    agent: 'continuum',
    layer: 'continuum',
    cluster: 'management',
    northbound: { port: 0, tokenFile: join(folder, 'token'), tokensFile: join(folder, 'tokens.json'), limit },
  });
  const events = new EventLog();
  const options = { stateFolder: folder, version: '0.1.0', handlers, events, log, now: () => now };
  server = await startNorthboundServer({ config: northbound!, ...options });
  client = await CheckedClient.open(`http://127.0.0.1:${server.port}`, operator);
}

const hashed = (name: string, role: string, token: string) => ({ name, role, sha256: sha256(token).toString('hex') });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mls-northbound-'));
  [now, deployed, logged] = [1_000_000, [], []];
  await writeFile(join(folder, 'token'), `${operator}\n`);
  await writeFile(join(folder, 'tokens.json'), JSON.stringify({ tokens: [hashed('anna', 'viewer', viewer)] }));
  await start();
});
afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

test('serves a document that OpenAPI 3.1 accepts', async () => {
  const { valid, errors } = await new Validator().validate(client.document as unknown as Record<string, unknown>);
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
  const operations = Object.values(client.document.paths).flatMap((path) => Object.values(path));
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test('takes a description as YAML, as JSON, and as text in JSON', async () => {
  expect(await client.call('POST', '/apps/deploy', { body: description('a') })).toEqual([
    200,
    { application: 'a', uid: 'uid-a-1' },
  ]);
  const tree = { MLSysOpsApp: { name: 'b', components: [{ metadata: { name: 'front' } }] } };
  expect((await client.call('POST', '/apps/deploy/', { body: tree }))[0]).toBe(200);
  expect((await client.call('POST', '/apps/deploy', { body: { description: description('c') } }))[0]).toBe(200);
  expect(deployed).toEqual(['a', 'b', 'c']);
});

test('refuses whoever has no token, and viewers who want to change things', async () => {
  expect((await client.call('GET', '/manage/ping', { token: 'wrong' }))[0]).toBe(401);
  expect((await client.call('GET', '/manage/ping', { token: operator.slice(0, -1) }))[0]).toBe(401);
  expect((await client.call('GET', '/manage/ping', { token: viewer }))[0]).toBe(200);
  expect(await client.call('POST', '/apps/deploy', { body: description('a'), token: viewer })).toEqual([
    403,
    expect.objectContaining({ code: 'forbidden' }),
  ]);
  expect(deployed).toEqual([]);
});

test('follows the file of tokens: who is taken out is refused within a second', async () => {
  expect((await client.call('GET', '/manage/ping', { token: viewer }))[0]).toBe(200);
  const tokens = [hashed('bert', 'operator', 'another-long-token')];
  await writeFile(join(folder, 'tokens.json'), JSON.stringify({ tokens }));
  now += 1001;
  expect((await client.call('GET', '/manage/ping', { token: viewer }))[0]).toBe(401);
  expect((await client.call('POST', '/apps/deploy', { body: description('a'), token: 'another-long-token' }))[0]).toBe(200);
  // A file that is broken leaves the tokens as they were, and says so.
  await writeFile(join(folder, 'tokens.json'), '{');
  now += 1001;
  expect((await client.call('GET', '/manage/ping', { token: 'another-long-token' }))[0]).toBe(200);
  expect(logged.join()).toContain('those of before stay');
});

test('limits what one token may ask, and what strangers may guess', async () => {
  server.close();
  await start({ perSecond: 2, burst: 3 });
  const ping = async (token: string) => (await client.call('GET', '/manage/ping', { token }))[0];
  expect([await ping(operator), await ping(operator), await ping(operator), await ping(operator)]).toEqual([200, 200, 200, 429]);
  expect(await ping(viewer)).toBe(200);
  now += 500;
  expect([await ping(operator), await ping(operator)]).toEqual([200, 429]);
  const guesses = await Promise.all(Array.from({ length: 30 }, (_, guess) => ping(`guess-${guess}`)));
  expect(guesses.filter((status) => status === 401)).toHaveLength(20);
  expect(guesses.filter((status) => status === 429)).toHaveLength(10);
});

test('carries a deploy out once for each Idempotency-Key, also over a restart', async () => {
  const deploy = (key: string, name: string, token = operator) =>
    client.call('POST', '/apps/deploy', { body: description(name), headers: { 'idempotency-key': key }, token });
  const [first, again] = [await deploy('k1', 'a'), await deploy('k1', 'a')];
  expect(again).toEqual(first);
  expect((await deploy('k1', 'b'))[0]).toBe(422);
  expect((await deploy('k2', 'a'))[1]).toEqual({ application: 'a', uid: 'uid-a-2' });
  server.close();
  await start();
  expect(await deploy('k1', 'a')).toEqual(first);
  expect(deployed).toEqual(['a', 'a']);
  expect((await deploy('k3', 'nam e: ['))[0]).toBe(422);
  expect((await deploy('no key', 'a'))[0]).toBe(400);
  now += 25 * 3600 * 1000;
  expect((await deploy('k1', 'b'))[1]).toEqual({ application: 'b', uid: 'uid-b-3' });
  expect(await readFile(join(folder, 'northbound-requests.json'), 'utf8')).not.toContain(operator);
});

test('says what does not fit, and keeps to itself what went wrong inside', async () => {
  expect((await client.call('GET', '/apps/status/%ff'))[0]).toBe(400);
  expect((await client.call('POST', '/manage/ping', { body: '' }))[0]).toBe(405);
  expect((await client.call('GET', '/nowhere'))[0]).toBe(404);
  expect((await client.call('POST', '/apps/deploy', { body: '[1', type: 'application/json' }))[0]).toBe(400);
  expect((await client.call('POST', '/apps/deploy', { body: new Uint8Array([0xff, 0xfe]) }))[0]).toBe(400);
  const [status, body] = await client.call('POST', '/apps/deploy', { body: 'MLSysOpsApp:\n  nam: x' });
  expect(status).toBe(422);
  expect(body).toMatchObject({
    error: expect.stringContaining('did you mean "name"?'),
    issues: expect.arrayContaining([expect.objectContaining({ line: 2, path: 'nam' })]),
  });
  expect((await client.call('POST', '/apps/deploy', { body: 'x'.repeat(1_500_000) }).catch(() => [413]))[0]).toBe(413);
  const inside = await client.call('GET', '/apps/list_all');
  expect(inside[0]).toBe(500);
  expect(JSON.stringify(inside)).not.toContain(operator);
});

test('survives hostile requests, and says which of its answers they get', async () => {
  const body = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.json({ maxDepth: 6 }),
    fc.integer({ min: 1, max: 20_000 }).map((depth) => '['.repeat(depth)),
    fc.integer({ min: 1, max: 20_000 }).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
    fc.constantFrom('{"__proto__":{"x":1}}', '{"description":5}', 'a: &a [*a]', `a: &a [x,x]\nb: &b [*a,*a]\n`.repeat(3)),
  );
  const type = fc.constantFrom('application/json', 'application/yaml', 'text/plain; charset=x', 'multipart/form-data', 'a/b/c');
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('POST', 'PUT', 'DELETE'),
      fc.constantFrom('/apps/deploy', '/apps/%00', '//', '/a?b=%'),
      type,
      body,
      async (method, path, type, body) => {
        const [status] = await client.call(method, path, { body, type });
        expect([200, 400, 404, 405, 413, 415, 422]).toContain(status);
      },
    ),
    { numRuns: 60 },
  );
  // Bytes that are no HTTP at all.
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      await new Promise<void>((resolve) => {
        const socket = connect(server.port, '127.0.0.1', () => socket.end(bytes));
        socket
          .on('close', () => resolve())
          .on('error', () => {})
          .resume();
      });
    }),
    { numRuns: 20 },
  );
  expect(await client.call('GET', '/manage/ping')).toMatchObject([200, { status: 'ok' }]);
});
