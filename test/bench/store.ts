import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process, { argv, stdout } from 'node:process';
import { DuckDBInstance } from '@duckdb/node-api';
import { Store } from '../../main/store/store.ts';

/**
 * The desktop's store: how fast readings come in, what one takes at rest, and how long questions take, with a day of a hundred nodes in it. The
 * peer is the same readings in a plain table of the same database. `--nodes`, `--hours` and `--metrics` make it smaller.
 */
const option = (name: string, usual: number): number => {
  const at = argv.indexOf(`--${name}`);
  return at < 0 ? usual : Number(argv[at + 1]);
};
const nodes = option('nodes', 100);
const hours = option('hours', 24);
const metrics = option('metrics', 10);
const targets = { perSecond: 500_000, bytes: 5, hourMs: 5, dayMs: 300 };
const say = (text: string) => stdout.write(`${text}\n`);
const start = 1_800_000_000_000;
const seconds = hours * 3600;

/** A generator of our own, so that every run has the same readings. */
let seed = 1;
const random = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
/** As hosts have them: ratios of full precision that wander, bytes, counts, temperatures of a tenth. */
const makers = [
  (before: number) => Math.min(1, Math.max(0, before + (random() - 0.5) / 20)),
  (before: number) => Math.max(0, Math.round(before + (random() - 0.5) * 2 ** 20)),
  (before: number) => Math.round((before + (random() - 0.5)) * 10) / 10,
  (before: number) => before + Math.floor(random() * 3),
  (before: number) => 40 + (before - 40) * 0.9 + random() * 4,
];
const folder = mkdtempSync(join(tmpdir(), 'mls-bench-store-'));
try {
  const store = await Store.open(join(folder, 'store.duckdb'), say);
  const keys = Array.from({ length: nodes * metrics }, (_, index) => ({
    metric: `metric_${index % metrics}`,
    node: `worker-${Math.floor(index / metrics)}`,
    component: '',
    application: '',
  }));
  const values: number[] = keys.map((_, index) => (index % 5 === 1 ? 3e9 : index % 5 === 4 ? 60 : 0.5));
  const plain = await (
    await DuckDBInstance.create(join(folder, 'plain.duckdb'), { threads: '2', memory_limit: '256MB' })
  ).connect();
  await plain.run('create table samples (series integer not null, time bigint not null, value double not null)');
  /** The peer gets an hour of it: enough to tell bytes, and what an hour costs. */
  const plainFrom = seconds - 3600;
  const appender = await plain.createAppender('samples');
  let appending = 0;
  /** µs of processor: what a busy computer does not distort. */
  let cpu = 0;
  let moving = 0;
  let slowest = 0;
  for (let second = 0; second < seconds; second++) {
    const made = keys.map((_, index) => {
      const value = (makers[index % 5] as (before: number) => number)(values[index] as number);
      values[index] = value;
      return value;
    });
    const jitter = Math.floor(random() * 4);
    const begun = performance.now();
    const cpuBegun = process.cpuUsage();
    for (const [index, key] of keys.entries())
      store.telemetry.append({ key, source: 'measured', time: start + second * 1000 + jitter, value: made[index] as number });
    if (second % 10 === 9) await store.flush();
    const took = performance.now() - begun;
    appending += took;
    const used = process.cpuUsage(cpuBegun);
    cpu += used.user + used.system;
    slowest = Math.max(slowest, took);
    if (second >= plainFrom)
      for (const [index, value] of made.entries()) {
        appender.appendInteger(index + 1);
        appender.appendBigInt(BigInt(start + second * 1000 + jitter));
        appender.appendDouble(value);
        appender.endRow();
      }
    if (second % 600 === 599) {
      const from = performance.now();
      while (await store.cold.move());
      moving += performance.now() - from;
    }
  }
  appender.closeSync();
  await plain.run('checkpoint');
  const readings = seconds * keys.length;
  const perSecond = readings / (appending / 1000);
  const withMoving = readings / ((appending + moving) / 1000);
  say(
    `${(readings / 1e6).toFixed(0)} M readings (${nodes} nodes × ${metrics} metrics × ${hours} h) came in at ${(perSecond / 1000).toFixed(0)} k/s (target: at least ${targets.perSecond / 1000} k/s); ${(readings / (cpu / 1000)).toFixed(0)} k in each second of a processor; with what moves them into the cold ${(withMoving / 1000).toFixed(0)} k/s`,
  );
  const parts = readdirSync(join(folder, 'telemetry'));
  const coldBytes =
    store.cold.parts.reduce((sum, part) => sum + part.bytes, 0) / store.cold.parts.reduce((sum, part) => sum + part.readings, 0);
  const plainBytes = statSync(join(folder, 'plain.duckdb')).size / (3600 * keys.length);
  say(
    `a reading at rest takes ${coldBytes.toFixed(2)} bytes in ${parts.length} files (target: at most ${targets.bytes}), ${(coldBytes / plainBytes).toFixed(2)} × the ${plainBytes.toFixed(2)} of a plain table; the database beside them has ${(statSync(join(folder, 'store.duckdb')).size / 2 ** 20).toFixed(0)} MB`,
  );

  async function time(work: () => Promise<unknown>): Promise<number> {
    await work();
    const all: number[] = [];
    for (let round = 0; round < 9; round++) {
      const begun = performance.now();
      await work();
      all.push(performance.now() - begun);
    }
    return all.sort((a, b) => a - b)[4] as number;
  }
  const end = start + seconds * 1000;
  const ofHour = { metrics: ['metric_0'], from: end - 3_600_000, to: end, stepMs: 6000 };
  const one = await time(() => store.telemetry.query(ofHour));
  const ids = keys.flatMap(({ metric }, index) => (metric === 'metric_0' ? [index + 1] : []));
  const plainOne = await time(() =>
    plain.runAndReadAll(
      `select series, (time // 6000) * 6000 as step, avg(value) from samples where series in (${ids.join(', ')}) and time >= ${ofHour.from} group by series, step order by series, step`,
    ),
  );
  say(
    `the last hour of a metric on ${nodes} nodes: ${one.toFixed(1)} ms, ${(one / plainOne).toFixed(2)} × the ${plainOne.toFixed(1)} ms of a plain table that has this hour alone`,
  );
  const past = { ...ofHour, from: start + 3_600_000, to: start + 7_200_000 };
  const cold = hours >= 4 ? await time(() => store.telemetry.query(past)) : null;
  if (cold !== null) say(`an hour that lies in the cold: ${cold.toFixed(1)} ms`);
  const day = { metrics: keys.slice(0, Math.min(metrics, 6)).map(({ metric }) => metric), from: start, to: end };
  const days = await time(() => store.telemetry.query({ ...day, stepMs: 180_000 }));
  const latest = await time(() => store.telemetry.latest(end - seconds * 500, end - seconds * 500 + 10_000));
  say(
    `${hours} hours of ${day.metrics.length} metrics on ${nodes} nodes, as the telemetry page asks: ${days.toFixed(0)} ms (target: below ${targets.dayMs} ms); a moment of the past: ${latest.toFixed(0)} ms`,
  );
  await store.close();
  process.exitCode = perSecond >= targets.perSecond && coldBytes <= targets.bytes && days <= targets.dayMs ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
