import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ColdLimits, coldLimits } from './cold.ts';
import { Store } from './store.ts';

let folder: string;
let file: string;
const logged: string[] = [];
const stores: Store[] = [];
const few: ColdLimits = { ...coldLimits, hotMs: 120_000, leastReadings: 100, mostReadings: 100_000 };
const open = async (limits: ColdLimits = few): Promise<Store> => {
  const store = await Store.open(file, (text) => logged.push(text), limits);
  stores.push(store);
  return store;
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mls-cold-'));
  file = join(folder, 'store.duckdb');
  logged.length = 0;
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await rm(folder, { recursive: true, force: true });
});

const start = 1_800_000_000_000;
const seconds = 1200;
/** Values that a float holds: what comes back is what went in. */
const valueAt = (second: number, node: number): number => Math.fround(Math.sin(second / 50 + node) * 100);

async function fill(store: Store, from = 0, until = seconds): Promise<void> {
  for (let second = from; second < until; second++)
    for (let node = 0; node < 3; node++)
      for (const metric of ['cpu_used_ratio', 'power_w'])
        store.telemetry.append({
          key: { metric, node: `worker-${node}`, component: '', application: '' },
          source: 'measured',
          time: start + second * 1000 + node,
          value: valueAt(second, node),
        });
  await store.flush();
}

const whole = { metrics: ['power_w'], from: start, to: start + seconds * 1000 - 1 };
const rounded = async (store: Store, stepMs: number, window = whole) =>
  (await store.telemetry.query({ ...window, stepMs })).map(({ key, times, values }) => ({
    node: key.node,
    times,
    values: values.map((value) => (value === null ? null : Number(value.toFixed(3)))),
  }));
const parts = async (): Promise<string[]> => (await readdir(join(folder, 'telemetry'))).sort();

test('readings that grow cold become files, and every question is answered as before, also after a new start', async () => {
  let store = await open();
  await fill(store);
  const ask = async () => ({
    seconds: await rounded(store, 1000),
    odd: await rounded(store, 7000),
    minutes: await rounded(store, 60_000),
    some: await rounded(store, 1000, { metrics: ['power_w'], from: start + 30_500, to: start + 90_000 }),
    latest: await store.telemetry.latest(start + 100_000, start + 110_000),
    samples: await store.telemetry.samples(2, start, start + seconds * 1000),
    known: store.telemetry.metrics(),
    span: await store.span(),
  });
  const before = await ask();
  expect(before.seconds).toHaveLength(3);
  expect(await store.cold.move()).toBe(true);
  expect(await store.cold.move()).toBe(false);
  expect(await parts()).toHaveLength(1);
  const [part] = store.cold.parts;
  // All but the last two minutes and the one that had begun before them.
  expect(part?.readings).toBe(6 * 60 * 17);
  expect(await ask()).toEqual(before);
  await store.close();
  store = await open();
  expect(await ask()).toEqual(before);
  await fill(store, seconds, 2 * seconds);
  expect(await store.cold.move()).toBe(true);
  expect(await rounded(store, 1000)).toEqual(before.seconds);
});

test('a reading that comes late is kept', async () => {
  const store = await open();
  await fill(store);
  await store.cold.move();
  const key = { metric: 'power_w', node: 'late', component: '', application: '' };
  store.telemetry.append({ key, source: 'measured', time: start + 1000, value: 7 });
  await fill(store, seconds, 2 * seconds);
  await store.cold.move();
  const found = await store.telemetry.query({ ...whole, stepMs: 1000 });
  expect(found.find(({ key: { node } }) => node === 'late')?.values).toEqual([7]);
  expect(await rounded(store, 60_000)).toHaveLength(4);
});

test('the oldest parts go when they are too many, and their minutes answer for them', async () => {
  const store = await open({ ...few, mostReadings: 6 * 60 * 5, mostBytes: 1 });
  await fill(store);
  const minutes = await rounded(store, 60_000);
  while (await store.cold.move());
  expect(store.cold.parts).toEqual([]);
  expect(await parts()).toEqual([]);
  expect(await rounded(store, 60_000)).toEqual(minutes);
  const single = await rounded(store, 1000);
  expect(single[0]?.times[0]).toBe(minutes[0]?.times[0]);
  expect(single[0]?.times.at(-1)).toBe(start + (seconds - 1) * 1000);
});

test('less may be kept from now on: the oldest parts go with the next look', async () => {
  const store = await open({ ...few, mostReadings: 6 * 60 * 5 });
  await fill(store);
  while (await store.cold.move());
  const kept = store.cold.parts;
  expect(kept.length).toBeGreaterThan(1);
  store.cold.keepAtMost(kept.at(-1)!.bytes);
  expect(await store.cold.move()).toBe(false);
  expect(store.cold.parts).toEqual(kept.slice(-1));
  expect(await parts()).toHaveLength(1);
});

test('what a process that died had begun is cleared away, and what the database holds is kept', async () => {
  let store = await open();
  await fill(store);
  const before = await rounded(store, 1000);
  await store.close();
  await rm(join(folder, 'telemetry'), { recursive: true, force: true });
  store = await open();
  await store.cold.move();
  const [name = ''] = await parts();
  const bytes = await readFile(join(folder, 'telemetry', name));
  await store.close();
  // Named, but not taken up; and half written.
  await writeFile(join(folder, 'telemetry', '1-2-0.parquet'), bytes);
  await writeFile(join(folder, 'telemetry', '3-4-0.parquet.half'), bytes.subarray(0, 100));
  store = await open();
  expect(await parts()).toEqual([name]);
  expect(await rounded(store, 1000)).toEqual(before);
  await store.close();
  await rm(join(folder, 'telemetry', name));
  store = await open();
  expect(logged.join()).toMatch(/is gone; its readings are known by the minute alone/);
  expect((await rounded(store, 60_000))[0]?.times).toHaveLength(20);
});

test('a log that was cut off in mid-write gives back every batch before the cut', async () => {
  const store = await open();
  for (let second = 0; second < 300; second += 30) await fill(store, second, second + 30);
  const wal = await readFile(`${file}.wal`);
  for (const share of [0.2, 0.5, 0.77, 0.99]) {
    const copy = join(folder, `cut-${share}`, 'store.duckdb');
    await mkdir(dirname(copy));
    await copyFile(file, copy);
    await writeFile(`${copy}.wal`, wal.subarray(0, Math.floor(wal.length * share)));
    const cut = await Store.open(copy, (text) => logged.push(text), few);
    const [series] = await cut.telemetry.query({ ...whole, stepMs: 1000 });
    const kept = series?.times.length ?? 0;
    expect(kept % 30).toBe(0);
    expect(kept).toBeGreaterThanOrEqual(Math.floor(10 * share - 2) * 30);
    await cut.close();
  }
  expect(logged).toEqual([]);
});

test('a database that was cut off is put aside, and what had grown cold is there', async () => {
  let store = await open();
  await fill(store);
  await store.cold.move();
  const cold = { metrics: ['power_w'], from: start, to: start + 600_000 };
  const before = await rounded(store, 1000, cold);
  await store.close();
  // A block in the middle, and the end.
  await truncate(file, 20_000);
  store = await open();
  expect(logged.join()).toMatch(/put aside as .*store\.duckdb\.damaged-/);
  expect((await readdir(folder)).filter((name) => name.includes('damaged'))).toHaveLength(1);
  expect(await rounded(store, 1000, cold)).toEqual(before);
  expect(store.telemetry.metrics()).toHaveLength(6);
  await fill(store, seconds, seconds + 10);
  expect(await rounded(store, 1000, { ...cold, to: start + 2 * seconds * 1000 })).toHaveLength(3);
});

test('exports what lies hot and cold as one file that others read', async () => {
  const store = await open();
  await fill(store);
  await store.cold.move();
  const target = join(folder, 'export.parquet');
  expect(await store.telemetry.export(target, { metrics: ['power_w', 'none'], from: start, to: start + seconds * 1000 })).toBe(
    3600,
  );
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const read = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
  expect(
    await read(`select count(*)::int as n, min(epoch_ms(time))::double as first, any_value(metric) as metric from '${target}'`),
  ).toEqual([{ n: 3600, first: start, metric: 'power_w' }]);
  expect(Object.keys((await read(`select * from '${target}' limit 1`))[0] ?? {})).toEqual([
    'time',
    'metric',
    'node',
    'component',
    'application',
    'source',
    'value',
  ]);
  expect(await store.telemetry.export(target, { metrics: ['none'], from: start, to: start + 1 })).toBe(0);
});
