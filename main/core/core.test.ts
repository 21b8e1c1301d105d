import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { rawText } from '../../agents/build/raw-text.mjs';
import type { TwinControl } from '../../provisioning/twin/protocol.ts';
import type { ContractError, EventOf, ParsedInputOf, StreamName } from '../contract/contract.ts';
import { type Core, startCore } from './core.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let distFolder: string;
const cores: Core[] = [];
const logged: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mls-core-'));
  distFolder = join(folder, 'dist');
  await build({
    entryPoints: [join(root, 'provisioning', 'twin', 'process.ts')],
    outfile: join(distFolder, 'twin', 'process.mjs'),
    bundle: true,
    plugins: [rawText],
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
}, 30_000);
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let dataFolders = 0;
async function start(dataFolder = join(folder, `data${++dataFolders}`)) {
  const core = await startCore({
    dataFolder,
    distFolder,
    assetsFolder: join(root, 'assets'),
    log: (text) => logged.push(text),
    env: {},
  });
  cores.push(core);
  return { core, dataFolder, handlers: core.handlers };
}

/** Listens to a stream; `ended` resolves when it has ended. */
function listen<K extends StreamName>(core: Core, name: K, input: ParsedInputOf<K>) {
  const abort = new AbortController();
  const events: EventOf<K>[] = [];
  const handler = core.handlers[name] as unknown as (
    input: ParsedInputOf<K>,
    emit: (event: EventOf<K>) => Promise<void>,
    signal: AbortSignal,
  ) => Promise<void>;
  const ended = handler(input, async (event) => void events.push(event), abort.signal);
  ended.catch(() => {});
  return { events, ended, close: () => abort.abort() };
}

const codeOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'nothing was thrown',
    (error: ContractError) => error.code,
  );
const inventory = (address: string) => `
name: lab
kind: hosts
hosts:
  - { name: m, address: ${address}, role: management, cluster: management }
clusters:
  management: { podCidr: 10.10.0.0/16, serviceCidr: 10.11.0.0/16 }
`;

describe('testbeds', () => {
  test('are created, watched, kept over a restart, and removed', async () => {
    const { core, handlers, dataFolder } = await start();
    const watched = listen(core, 'testbeds.watch', {});
    const created = await handlers['testbeds.create']({ name: 'lab', kind: 'hosts', file: inventory('192.0.2.1') });
    expect(created).toMatchObject({ name: 'lab', kind: 'hosts', state: 'new', doubles: [], lastRun: null });
    await expect.poll(() => watched.events.at(-1)).toEqual([created]);
    expect(watched.events[0]).toEqual([]);
    expect((await stat(join(dataFolder, 'testbeds', 'lab', 'secrets'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(dataFolder, 'testbeds', 'lab'))).mode & 0o777).toBe(0o700);
    await core.close();
    const again = await start(dataFolder);
    expect(await again.handlers['testbeds.list']({})).toEqual([created]);
    await again.handlers['testbeds.remove']({ testbed: 'lab' });
    expect(await again.handlers['testbeds.list']({})).toEqual([]);
    expect(await readdir(join(dataFolder, 'testbeds'))).toEqual([]);
    watched.close();
    await watched.ended;
  });

  test('say what was done wrong, each in its own way, and leave nothing behind', async () => {
    const { core, handlers, dataFolder } = await start();
    const create = handlers['testbeds.create'];
    expect(await codeOf(create({ name: 'Lab', kind: 'twin' }))).toBe('invalid-name');
    expect(await codeOf(create({ name: '../lab', kind: 'twin' }))).toBe('invalid-name');
    expect(await codeOf(create({ name: 'l'.repeat(33), kind: 'local' }))).toBe('invalid-name');
    expect(await codeOf(create({ name: 'lab', kind: 'hosts' }))).toBe('invalid-file');
    expect(await codeOf(create({ name: 'lab', kind: 'hosts', file: inventory('192.0.2.1').replace('role', 'rule') }))).toBe(
      'invalid-file',
    );
    expect(await codeOf(create({ name: 'lab', kind: 'hosts', file: inventory('x'), bundle: 'relative' }))).toBe('invalid-bundle');
    expect(await codeOf(create({ name: 'lab', kind: 'hosts', file: inventory('x'), bundle: '/no/such' }))).toBe('artefact');
    expect(await handlers['testbeds.list']({})).toEqual([]);
    await create({ name: 'lab', kind: 'twin' });
    expect(await codeOf(create({ name: 'lab', kind: 'twin' }))).toBe('testbed-exists');
    const lab = { testbed: 'lab' };
    expect(await codeOf(handlers['testbeds.get']({ testbed: 'other' }))).toBe('no-such-testbed');
    expect((await handlers['testbeds.plan'](lab)).steps.map(({ state }) => state)).toEqual(Array(4).fill('change'));
    expect(await codeOf(handlers['testbeds.kubeconfig']({ ...lab, cluster: 'cluster1' }))).toBe('not-up');
    expect(await codeOf(handlers['applications.list'](lab))).toBe('not-up');
    expect(await codeOf(handlers['decisions.get']({ ...lab, id: 'x' }))).toBe('no-such-decision');
    expect(await codeOf(handlers['runs.cancel']({ run: 'x' }))).toBe('no-such-run');
    expect(await codeOf(handlers['terminals.write']({ terminal: 'x', data: '' }))).toBe('no-such-terminal');
    const size = { columns: 80, rows: 24 };
    for (const [host, code] of [
      ['worker-1', 'no-shell'],
      ['worker-9', 'no-such-host'],
    ] as const) {
      const open = listen(core, 'terminals.open', { terminal: host, testbed: 'lab', host, ...size });
      expect(await codeOf(open.ended)).toBe(code);
    }
    expect(await readdir(join(dataFolder, 'testbeds'))).toEqual(['lab']);
  });
});

test('a run that cannot reach its host fails with the reason, and can be watched from its beginning afterwards', async () => {
  const { core, handlers, dataFolder } = await start();
  // Nothing listens there.
  const file = inventory('127.0.0.1').replace('role', 'port: 1, role');
  await handlers['testbeds.create']({ name: 'lab', kind: 'hosts', file });
  const { run } = await handlers['testbeds.up']({ testbed: 'lab' });
  expect(await codeOf(handlers['testbeds.up']({ testbed: 'lab' }))).toBe('run-in-flight');
  expect(core.needed()).toBe(true);
  const during = listen(core, 'runs.watch', { run });
  await during.ended;
  const events = during.events.flat();
  expect(events.at(0)).toMatchObject({ type: 'started', run, hosts: ['m'] });
  expect(events.find(({ type }) => type === 'failure')).toMatchObject({ failure: { code: 'unreachable', host: 'm' } });
  expect(events.at(-1)).toMatchObject({ type: 'finished', state: 'failed' });
  const after = listen(core, 'runs.watch', { run });
  await after.ended;
  expect(after.events.flat()).toEqual(events);
  expect(await handlers['testbeds.get']({ testbed: 'lab' })).toMatchObject({ state: 'failed', lastRun: run });
  expect(await handlers['runs.list']({ testbed: 'lab' })).toMatchObject([{ run, verb: 'up', state: 'failed' }]);
  expect(await handlers['testbeds.hostKeys']({ testbed: 'lab' })).toMatchObject([{ host: 'm', state: 'unreachable' }]);
  expect(core.needed()).toBe(false);

  // Asked for again, it is what it was; paused, it begins nothing until it goes on.
  expect(await codeOf(handlers['runs.pause']({ run, paused: true }))).toBe('not-running');
  const part = await handlers['testbeds.up']({ testbed: 'lab', hosts: ['m'], skip: ['verify'] });
  await listen(core, 'runs.watch', part).ended;
  const repeated = await handlers['runs.again'](part);
  await handlers['runs.pause']({ ...repeated, paused: true });
  const repeating = listen(core, 'runs.watch', repeated);
  await expect.poll(() => repeating.events.flat().map(({ type }) => type)).toContain('paused');
  await handlers['runs.pause']({ ...repeated, paused: false });
  await repeating.ended;
  const started = repeating.events.flat()[0];
  expect(started?.type === 'started' && started.phases.map(({ id }) => id)).not.toContain('verify');
  await rm(join(dataFolder, 'testbeds', 'lab', 'runs', `${part.run}.json`));
  expect(await codeOf(handlers['runs.again'](part))).toBe('no-words');
  await rm(join(dataFolder, 'testbeds', 'lab', 'runs', `${repeated.run}.json`));

  // What a core leaves behind that is killed in the middle of a run.
  const left = join(dataFolder, 'testbeds', 'lab');
  await core.close();
  const change = async (file: string, fields: object) =>
    writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...fields }));
  await change(join(left, 'runs', `${run}.json`), { state: 'running', finishedAt: null, summary: null });
  await change(join(left, 'state.json'), { state: 'provisioning' });
  const again = await start(dataFolder);
  expect(await again.handlers['runs.list']({ testbed: 'lab' })).toMatchObject([{ run, state: 'interrupted' }]);
  expect(await again.handlers['testbeds.get']({ testbed: 'lab' })).toMatchObject({ state: 'failed', lastRun: repeated.run });
  const told = listen(again.core, 'runs.watch', { run });
  await told.ended;
  expect(told.events.flat()).toEqual(events);
});

test('a twin that is stopped while it starts leaves nothing running, and one that dies is seen to have failed', {
  timeout: 60_000,
}, async () => {
  const { core, handlers } = await start();
  const testbed = 'demo';
  await handlers['testbeds.create']({ name: testbed, kind: 'twin' });
  const first = await handlers['testbeds.up']({ testbed });
  const watched = listen(core, 'runs.watch', first);
  await expect.poll(() => watched.events.length).toBeGreaterThan(0);
  expect(await codeOf(handlers['runs.pause']({ ...first, paused: true }))).toBe('not-for-twins');
  await handlers['runs.cancel'](first);
  await watched.ended;
  expect(watched.events.flat().at(-1)).toMatchObject({ type: 'finished', state: 'cancelled' });
  expect(core.needed()).toBe(false);
  const second = await handlers['testbeds.up']({ testbed });
  const again = listen(core, 'runs.watch', second);
  await again.ended;
  expect(again.events.flat().at(-1)).toMatchObject({ type: 'finished', state: 'done' });
  expect((await handlers['testbeds.status']({ testbed })).agents.every(({ alive }) => alive)).toBe(true);
  const topologies = listen(core, 'topology.watch', { testbed });
  await expect.poll(() => topologies.events.at(-1)?.agents.length).toBeGreaterThan(0);
  const [pid] = execFileSync('pgrep', ['-P', String(process.pid), '-f', join(distFolder, 'twin')], { encoding: 'utf8' }).split(
    '\n',
  );
  process.kill(Number(pid), 'SIGKILL');
  await expect.poll(async () => (await handlers['testbeds.get']({ testbed })).state).toBe('failed');
  expect(core.needed()).toBe(false);
  await expect.poll(() => topologies.events.at(-1)?.agents).toEqual([]);
  topologies.close();
  await topologies.ended;
});

test('a twin that was up when its core was cut off is started again as it was, but not twice in a row', {
  timeout: 90_000,
}, async () => {
  const { core, handlers, dataFolder } = await start();
  const testbed = 'demo';
  await handlers['testbeds.create']({ name: testbed, kind: 'twin' });
  const ended = async ({ run }: { run: string }, of: Core) => {
    const watched = listen(of, 'runs.watch', { run });
    await watched.ended;
    return watched.events.flat().at(-1);
  };
  expect(await ended(await handlers['testbeds.up']({ testbed }), core)).toMatchObject({ state: 'done' });
  const sample = await readFile(join(root, 'assets', 'applications', 'smart-camera.yaml'), 'utf8');
  await handlers['applications.deploy']({ testbed, description: sample.replaceAll('smart-camera', 'second-camera') });
  await expect
    .poll(async () => (await handlers['applications.list']({ testbed })).map(({ application }) => application).sort(), {
      timeout: 20_000,
    })
    .toEqual(['second-camera', 'smart-camera']);
  await handlers['applications.remove']({ testbed, application: 'smart-camera' });
  await handlers['twins.control']({ testbed, control: { kind: 'speed', speed: 2 } });
  await core.close();
  expect((await handlers['testbeds.get']({ testbed })).state).toBe('down');

  const left = join(dataFolder, 'testbeds', testbed, 'state.json');
  /** What a core leaves behind that is killed. */
  const cutOff = async () => writeFile(left, JSON.stringify({ ...JSON.parse(await readFile(left, 'utf8')), state: 'up' }));
  await cutOff();
  const again = await start(dataFolder);
  expect((await again.handlers['system.info']({})).restored).toEqual([{ testbed, again: true }]);
  const { lastRun } = await again.handlers['testbeds.get']({ testbed });
  expect(await ended({ run: lastRun ?? '' }, again.core)).toMatchObject({ state: 'done' });
  await expect
    .poll(async () => (await again.handlers['applications.list']({ testbed })).map(({ application }) => application), {
      timeout: 20_000,
    })
    .toEqual(['second-camera']);
  const clocks = listen(again.core, 'twins.clock', { testbed });
  await expect.poll(() => clocks.events.at(-1)?.speed).toBe(2);
  clocks.close();
  await again.core.close();
  await cutOff();
  const third = await start(dataFolder);
  expect((await third.handlers['system.info']({})).restored).toEqual([{ testbed, again: false }]);
  expect((await third.handlers['testbeds.get']({ testbed })).state).toBe('failed');
});

test('a twin comes up, tells and decides, and goes down', { timeout: 60_000 }, async () => {
  const { core, handlers, dataFolder } = await start();
  const testbed = 'demo';
  await handlers['testbeds.create']({ name: testbed, kind: 'twin' });
  const topologies = listen(core, 'topology.watch', { testbed });
  const decisions = listen(core, 'decisions.watch', { testbed });
  const readings = listen(core, 'telemetry.watch', { testbed, metrics: ['cpu_used_ratio'] });
  await expect
    .poll(() => topologies.events.at(0)?.nodes.map(({ name, ready }) => [name, ready]))
    .toEqual([
      ['management', null],
      ['master-1', null],
      ['worker-1', null],
      ['worker-2', null],
    ]);
  const startedAt = Date.now();
  const { run } = await handlers['testbeds.up']({ testbed });
  const watched = listen(core, 'runs.watch', { run });
  await watched.ended;
  expect(watched.events.flat().at(-1)).toMatchObject({ type: 'finished', state: 'done' });
  expect(await handlers['testbeds.get']({ testbed })).toMatchObject({ state: 'up' });
  expect(core.needed()).toBe(true);

  await expect.poll(() => decisions.events.length, { timeout: 20_000 }).toBeGreaterThan(0);
  process.stdout.write(`twin: first decision ${Date.now() - startedAt} ms after the click\n`);
  await expect.poll(() => readings.events.flat().length, { timeout: 10_000 }).toBeGreaterThan(4);
  expect(new Set(readings.events.flat().map(({ key }) => key.metric))).toEqual(new Set(['cpu_used_ratio']));
  await expect
    .poll(() => topologies.events.at(-1)?.nodes.map(({ ready }) => ready), { timeout: 15_000 })
    .toEqual([true, true, true, true]);
  await expect
    .poll(() => topologies.events.at(-1)?.applications[0]?.components.map(({ state }) => state), { timeout: 20_000 })
    .toEqual(['running', 'running', 'running']);
  const topology = topologies.events.at(-1);
  expect(topology).toMatchObject({
    kind: 'twin',
    clusters: [
      { name: 'management', role: 'management', joined: true },
      { name: 'cluster1', role: 'member', joined: true },
    ],
  });
  expect(topology?.continuum.karmada).toMatch(/^v\d/);
  expect(topology?.nodes.map(({ frequencyGHz }) => frequencyGHz)).toEqual([2.4, 2.4, 1.8, 3.6]);

  const status = await handlers['testbeds.status']({ testbed });
  expect(status.nodes.map(({ name, ready }) => [name, ready])).toEqual(
    ['management', 'master-1', 'worker-1', 'worker-2'].map((name) => [name, true]),
  );
  expect(status.members).toEqual([{ name: 'cluster1', ready: true }]);
  expect(status.agents.every(({ alive }) => alive)).toBe(true);
  expect(new Set(status.agents.map(({ layer }) => layer))).toEqual(new Set(['continuum', 'cluster', 'node']));

  const [known] = await handlers['decisions.list']({ testbed, limit: 1 });
  expect(known && (await handlers['decisions.get']({ testbed, id: known.id }))).toEqual(known);
  const metrics = await handlers['telemetry.metrics']({ testbed });
  expect(metrics.map(({ key }) => key.metric)).toContain('power_w');
  const to = Date.now();
  const series = await handlers['telemetry.query']({ testbed, metrics: ['cpu_used_ratio'], from: to - 60_000, to, stepMs: 1000 });
  expect(series.map(({ key, source }) => [key.node, source])).toEqual(
    ['management', 'master-1', 'worker-1', 'worker-2'].map((name) => [name, 'simulated']),
  );

  // What agents have learnt is asked of each; one that is not there is told so.
  const agent = status.agents.find(({ layer, cluster }) => layer === 'cluster' && cluster === 'cluster1')!.agent;
  const latencyModel = async () => (await handlers['models.list']({ testbed, agent })).models.find(({ unit }) => unit === 'ms');
  await expect.poll(latencyModel, { timeout: 20_000 }).toMatchObject({
    origin: 'policy',
    policy: 'relocate-by-latency',
    predicts: { metric: 'frame_classify_latency_ms', application: 'smart-camera', component: 'classifier' },
    places: expect.arrayContaining([expect.objectContaining({ weights: expect.any(Array), why: expect.any(String) })]),
  });
  expect(await codeOf(handlers['models.list']({ testbed, agent: 'nobody' }))).toBe('no-answer');

  const config = new KubeConfig();
  config.loadFromString((await handlers['testbeds.kubeconfig']({ testbed, cluster: 'cluster1' })).kubeconfig);
  expect((await config.makeApiClient(CoreV1Api).listNode()).items).toHaveLength(3);
  expect(await codeOf(handlers['testbeds.kubeconfig']({ testbed, cluster: 'cluster7' }))).toBe('no-such-cluster');
  expect(await codeOf(handlers['testbeds.remove']({ testbed }))).toBe('not-down');

  expect(await codeOf(handlers['applications.deploy']({ testbed, description: 'MLSysOpsApp: {name: x}' }))).toBe('refused');
  expect((await handlers['applications.list']({ testbed })).map(({ application }) => application)).toEqual(['smart-camera']);
  await handlers['applications.remove']({ testbed, application: 'smart-camera' });
  await expect
    .poll(() => topologies.events.at(-1)?.applications.map(({ state }) => state), { timeout: 15_000 })
    .not.toContain('deployed');
  const description = await readFile(join(root, 'assets', 'applications', 'smart-camera.yaml'), 'utf8');
  expect(await handlers['applications.deploy']({ testbed, description })).toEqual({ application: 'smart-camera' });

  // Its time can be stopped, and nobody is taken for dead meanwhile.
  const clocks = listen(core, 'twins.clock', { testbed });
  const control = (wanted: TwinControl) => handlers['twins.control']({ testbed, control: wanted });
  const paused = await control({ kind: 'pause' });
  expect(paused).toMatchObject({ paused: true, speed: 1, reached: 0 });
  await expect.poll(() => clocks.events.some((clock) => clock.paused && clock.time === paused.time)).toBe(true);
  // Longer than three beats, after which an agent counts as dead.
  await new Promise((resolve) => setTimeout(resolve, 3500));
  expect((await control({ kind: 'pause' })).time).toBe(paused.time);
  expect((await handlers['testbeds.status']({ testbed })).agents.every(({ alive }) => alive)).toBe(true);
  const resumed = await control({ kind: 'resume' });
  expect(resumed.time - paused.time).toBeLessThan(2000);
  expect((await handlers['testbeds.status']({ testbed })).agents.every(({ alive }) => alive)).toBe(true);
  expect(await control({ kind: 'speed', speed: 30 })).toMatchObject({ paused: false, speed: 30 });
  await expect.poll(() => clocks.events.at(-1)!.time - resumed.time, { timeout: 10_000 }).toBeGreaterThan(30_000);
  expect(await codeOf(control({ kind: 'node', node: 'worker-9', state: 'down' }))).toBe('invalid-input');

  const down = await handlers['testbeds.down']({ testbed });
  await listen(core, 'runs.watch', down).ended;
  await clocks.ended;
  expect(await codeOf(control({ kind: 'pause' }))).toBe('not-up');
  expect(await handlers['testbeds.get']({ testbed })).toMatchObject({ state: 'down' });
  expect(core.needed()).toBe(false);
  await expect.poll(() => topologies.events.at(-1)?.agents).toEqual([]);
  expect((await handlers['decisions.list']({ testbed, limit: 10 })).length).toBeGreaterThan(0);
  for (const stream of [topologies, decisions, readings]) stream.close();
  await Promise.all([topologies.ended, decisions.ended, readings.ended]);
  await handlers['testbeds.remove']({ testbed });
  expect(await readdir(join(dataFolder, 'testbeds'))).toEqual([]);
});
