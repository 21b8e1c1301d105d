import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DecisionRecord } from '../../agents/decision/record.ts';
import { topologyAt } from '../core/topology.ts';
import { StoreError } from './database.ts';
import { Store } from './store.ts';
import type { Reading } from './telemetry.ts';
import { unitOf } from './unit.ts';

let folder: string;
let file: string;
const log = (text: string) => {
  throw new Error(text);
};
const stores: Store[] = [];
const open = async (): Promise<Store> => {
  const store = await Store.open(file, log);
  stores.push(store);
  return store;
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mls-store-'));
  file = join(folder, 'store.duckdb');
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await rm(folder, { recursive: true, force: true });
});

const start = 1_800_000_000_000;
const reading = (metric: string, node: string, second: number, value: number, more: Partial<Reading> = {}): Reading => ({
  key: { metric, node, component: '', application: '' },
  source: 'measured',
  time: start + second * 1000,
  value,
  ...more,
});

const decision = (id: string, second: number, revision = 0): DecisionRecord => ({
  id,
  revision,
  time: start + second * 1000,
  agent: { id: 'cluster-cluster1', layer: 'cluster', cluster: 'cluster1' },
  policy: { name: 'test', version: '1' },
  trigger: { kind: 'test', text: 'a test' },
  premises: [],
  candidates: [{ id: 'stay', label: 'Stay', action: { kind: 'stay' }, predicted: [], terms: [], score: 0 }],
  choice: 'stay',
  stay: 'stay',
  margin: null,
  neededMargin: 0.1,
  exploration: false,
  horizonS: 30,
  expected: [],
  title: `Revision ${revision}`,
  sentence: 'Stayed.',
});

describe('telemetry', () => {
  test('answers in steps, by node and component, with one null for a gap', async () => {
    const store = await open();
    for (const second of [0, 1, 2, 3]) store.telemetry.append(reading('cpu_used_ratio', 'worker-1', second, second / 10));
    for (const second of [60, 61]) store.telemetry.append(reading('cpu_used_ratio', 'worker-1', second, 0.5));
    store.telemetry.append(
      reading('frame_classify_latency_ms', 'worker-1', 1, 31, {
        source: 'simulated',
        key: { metric: 'frame_classify_latency_ms', node: 'worker-1', component: 'classifier', application: 'smart-camera' },
      }),
    );
    store.telemetry.append(reading('cpu_used_ratio', 'worker-2', 0, Number.NaN));
    const metrics = ['cpu_used_ratio', 'frame_classify_latency_ms'];
    const found = await store.telemetry.query({ metrics, from: start, to: start + 61_000, stepMs: 2000 });
    expect(found).toEqual([
      {
        key: { metric: 'cpu_used_ratio', node: 'worker-1', component: '', application: '' },
        unit: 'ratio',
        source: 'measured',
        times: [0, 2, 4, 60].map((second) => start + second * 1000),
        values: [0.05, 0.25, null, 0.5],
      },
      {
        key: { metric: 'frame_classify_latency_ms', node: 'worker-1', component: 'classifier', application: 'smart-camera' },
        unit: 'ms',
        source: 'simulated',
        times: [start],
        values: [31],
      },
    ]);
    expect(await store.telemetry.query({ metrics, from: start + 70_000, to: start + 80_000, stepMs: 1000 })).toEqual([]);
  });

  test('averages as plain arithmetic does, whatever the readings', async () => {
    const store = await open();
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.double({ min: -1e6, max: 1e6, noNaN: true })), {
          selector: ([second]) => second,
          minLength: 1,
        }),
        fc.integer({ min: 1, max: 20 }),
        async (readings, stepS) => {
          const metric = `round_${++round}`;
          for (const [second, value] of readings) store.telemetry.append(reading(metric, 'n', second, value));
          const [series] = await store.telemetry.query({
            metrics: [metric],
            from: start,
            to: start + 300_000,
            stepMs: stepS * 1000,
          });
          const steps = new Map<number, number[]>();
          for (const [second, value] of readings) {
            const step = Math.floor((start / 1000 + second) / stepS) * stepS * 1000;
            steps.set(step, [...(steps.get(step) ?? []), value]);
          }
          const found = (series?.times ?? []).flatMap((time, index) => {
            const value = series?.values[index];
            return value === null || value === undefined ? [] : [[time, value] as const];
          });
          expect(found.map(([time]) => time)).toEqual([...steps.keys()].sort((a, b) => a - b));
          for (const [time, value] of found) {
            const all = steps.get(time) ?? [];
            expect(value).toBeCloseTo(all.reduce((sum, one) => sum + one, 0) / all.length, 6);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test('knows the latest reading of each series, also after it was opened again, and keeps numbering series', async () => {
    let store = await open();
    store.telemetry.append(reading('load_1m', 'worker-1', 2, 1.5));
    store.telemetry.append(reading('load_1m', 'worker-1', 1, 9));
    store.telemetry.append(reading('memory_used_bytes', 'worker-1', 1, 3e9 + 1));
    const before = store.telemetry.metrics();
    expect(before).toEqual([
      { key: reading('load_1m', 'worker-1', 0, 0).key, unit: '', last: 1.5, lastTime: start + 2000 },
      { key: reading('memory_used_bytes', 'worker-1', 0, 0).key, unit: 'bytes', last: 3e9 + 1, lastTime: start + 1000 },
    ]);
    await store.close();
    store = await open();
    expect(store.telemetry.metrics()).toEqual(expect.arrayContaining(before));
    store.telemetry.append(reading('load_1m', 'worker-2', 3, 2));
    store.telemetry.append(reading('load_1m', 'worker-1', 3, 4));
    const found = await store.telemetry.query({ metrics: ['load_1m'], from: start, to: start + 9000, stepMs: 1000 });
    expect(found.map(({ key, values }) => [key.node, values])).toEqual([
      ['worker-1', [9, 1.5, 4]],
      ['worker-2', [2]],
    ]);
  });

  test('keeps half an hour of a hundred series in a few bytes a sample', async () => {
    const store = await open();
    for (let second = 0; second < 1800; second++) {
      for (let series = 0; series < 100; series++)
        store.telemetry.append(reading('cpu_used_ratio', `n${series}`, second, Math.round(Math.random() * 1000) / 1000));
      if (second % 300 === 299) await store.flush();
    }
    await store.close();
    expect((await stat(file)).size / 180_000).toBeLessThan(10);
  });
});

describe('decisions', () => {
  test('keeps the latest revision of each, newest first', async () => {
    const store = await open();
    store.decisions.save(decision('a', 1));
    store.decisions.save(decision('b', 2));
    expect((await store.decisions.list({ limit: 10 })).map(({ id }) => id)).toEqual(['b', 'a']);
    store.decisions.save(decision('a', 1, 2));
    store.decisions.save(decision('a', 1, 1));
    expect(await store.decisions.get('a')).toEqual(decision('a', 1, 2));
    store.decisions.save(decision('a', 1, 1));
    expect((await store.decisions.get('a'))?.revision).toBe(2);
    expect((await store.decisions.list({ limit: 10, before: start + 2000 })).map(({ id }) => id)).toEqual(['a']);
    expect((await store.decisions.list({ limit: 1 })).map(({ id }) => id)).toEqual(['b']);
    expect(await store.decisions.newestTime()).toBe(start + 2000);
    expect(await store.decisions.get('none')).toBeNull();
  });
});

test('what was flushed is there after the process was killed', async () => {
  const program = join(folder, 'writer.mjs');
  const require = createRequire(import.meta.url);
  await build({
    stdin: {
      contents: `
        import { Store } from ${JSON.stringify(fileURLToPath(new URL('./store.ts', import.meta.url)))};
        const store = await Store.open(process.argv[2], console.error);
        store.telemetry.append({ key: { metric: 'load_1m', node: 'n', component: '', application: '' }, source: 'measured', time: ${start}, value: 7 });
        store.decisions.save(JSON.parse(process.argv[3]));
        await store.flush();
        for (let i = 1; ; i++) {
          store.telemetry.append({ key: { metric: 'load_1m', node: 'n', component: '', application: '' }, source: 'measured', time: ${start} + i, value: i });
          await store.flush();
          if (i === 3) process.stdout.write('written');
        }`,
      resolveDir: folder,
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile: program,
    plugins: [
      {
        name: 'native',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^@duckdb\// }, ({ path }) => ({
            path: pathToFileURL(require.resolve(path)).href,
            external: true,
          })),
      },
    ],
  });
  const child = spawn(process.execPath, [program, file, JSON.stringify(decision('kept', 0))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await expect(Store.open(file, log)).rejects.toBeInstanceOf(StoreError);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const store = await open();
  const [series] = await store.telemetry.query({ metrics: ['load_1m'], from: start, to: start + 3, stepMs: 1 });
  expect(series?.values).toEqual([7, 1, 2, 3]);
  expect(await store.decisions.get('kept')).toEqual(decision('kept', 0));
});

test('a file that is no database is told, not overwritten', async () => {
  await writeFile(file, 'something else, longer than a header '.repeat(500));
  await expect(Store.open(file, log)).rejects.toThrow(/cannot be opened/);
});

test('units follow from the names of metrics', () => {
  expect(
    [
      'network_receive_bytes_per_second',
      'memory_used_bytes',
      'cpu_used_ratio',
      'latency_ms',
      'power_w',
      'people_in_view',
      'frames_total',
    ].map(unitOf),
  ).toEqual(['bytes/s', 'bytes', 'ratio', 'ms', 'W', 'people', '']);
});

describe('how it stood', () => {
  const stood = (ready: boolean) => ({
    testbed: 'lab',
    kind: 'twin' as const,
    doubles: [],
    continuum: { name: 'continuum', karmada: null },
    clusters: [],
    nodes: [
      {
        name: 'worker-1',
        cluster: 'cluster1',
        role: 'worker' as const,
        address: '10.0.0.1',
        ready,
        cores: 4,
        frequencyGHz: null,
        memoryBytes: null,
      },
    ],
    agents: [],
    applications: [],
  });

  test('is kept when it changed, and told with the readings of that moment', async () => {
    const store = await open();
    store.pictures.save({ time: start, picture: stood(true) });
    store.pictures.save({ time: start + 1000, picture: stood(true) });
    store.pictures.save({ time: start + 60_000, picture: stood(false) });
    for (const second of [1, 2, 59]) store.telemetry.append(reading('power_w', 'worker-1', second, 40 + second));
    expect(await topologyAt(store, start - 1)).toEqual({ topology: null, heardUntil: null });
    const then = await topologyAt(store, start + 10_000);
    expect(then).toEqual({
      topology: { ...stood(true), time: start + 10_000, readings: { 'power_w|worker-1|': { value: 42, time: start + 2000 } } },
      heardUntil: null,
    });
    expect((await topologyAt(store, start + 70_000)).topology?.nodes[0]?.ready).toBe(false);
    expect((await topologyAt(store, start + 80_000)).topology?.readings).toEqual({});
    expect((await store.pictures.between(start + 5000, start + 70_000)).map(({ time }) => time - start)).toEqual([5000, 60_000]);
    expect(await store.span()).toEqual({ from: start, to: start + 60_000 });
  });

  test('is told as of when somebody last listened, also after a process that could not say so', async () => {
    const store = await open();
    store.pictures.save({ time: start, picture: stood(true) });
    store.telemetry.append(reading('power_w', 'worker-1', 30, 40));
    await store.close();
    const again = await open();
    expect((await topologyAt(again, start + 30_000)).heardUntil).toBeNull();
    const later = await topologyAt(again, start + 600_000);
    expect(later.heardUntil).toBe(start + 30_001);
    expect(later.topology?.nodes[0]?.ready).toBe(true);
  });
});
