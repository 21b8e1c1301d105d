import type { Series, SeriesKey } from '../contract/telemetry.ts';
import type { Database, SqlValue } from './database.ts';
import { unitOf } from './unit.ts';

export interface Reading {
  key: SeriesKey;
  /** "measured", "model" or "simulated". */
  source: string;
  /** ms since the epoch. */
  time: number;
  value: number;
}

export interface LastReading {
  key: SeriesKey;
  unit: string;
  last: number;
  lastTime: number;
}

/** Nodes tell once a second: several readings must be missing before it counts as a gap. */
const gapMs = 5000;
const gapSteps = 4;
/** Readings held while the database cannot take them; past it, the oldest tenth is let go. */
const maximumPending = 200_000;

/** Telemetry of one testbed: readings are gathered in memory and written in batches, off the path on which they arrive. */
export class TelemetryStore {
  readonly #database: Database;
  readonly #ids: Map<string, number>;
  readonly #last = new Map<string, LastReading>();
  #pending: { series: number; time: number; value: number }[] = [];
  #newSeries: { id: number; reading: Reading }[] = [];

  static async open(database: Database): Promise<TelemetryStore> {
    const store = new TelemetryStore(database);
    const rows = await database.read(`
      select id, metric, node, component, application, source, last, lastTime
      from series left join (
        select series, arg_max(value, time) as last, max(time) as lastTime from samples group by series
      ) on series = id`);
    for (const row of rows) {
      const { id, source, last, lastTime, ...rest } = row as unknown as StoredSeries;
      const key: SeriesKey = rest;
      store.#ids.set(idOf(key, source), id);
      if (last !== null && lastTime !== null) store.#note(key, last, lastTime);
    }
    return store;
  }

  private constructor(database: Database) {
    this.#database = database;
    this.#ids = new Map();
  }

  /** Takes a reading; `flush` writes it. Values that are no finite numbers are gaps, not readings. */
  append(reading: Reading): void {
    if (!Number.isFinite(reading.value)) return;
    const id = idOf(reading.key, reading.source);
    let series = this.#ids.get(id);
    if (series === undefined) {
      series = this.#ids.size + 1;
      this.#ids.set(id, series);
      this.#newSeries.push({ id: series, reading });
    }
    this.#pending.push({ series, time: Math.round(reading.time), value: reading.value });
    if (this.#pending.length > maximumPending) this.#pending = this.#pending.slice(maximumPending / 10);
    this.#note(reading.key, reading.value, reading.time);
  }

  /** Writes what has been taken. @throws Error of the database; what it did not take is offered again by the next flush. */
  flush(): Promise<void> {
    return this.#database.write(async (connection) => {
      if (this.#pending.length === 0) return;
      const samples = this.#pending;
      const series = this.#newSeries;
      this.#pending = [];
      this.#newSeries = [];
      try {
        await connection.run('begin');
        for (const { id, reading } of series) {
          const { metric, node, component, application } = reading.key;
          await connection.run('insert into series values ($1, $2, $3, $4, $5, $6)', [
            id,
            metric,
            node,
            component,
            application,
            reading.source,
          ]);
        }
        const appender = await connection.createAppender('samples');
        for (const sample of samples) {
          appender.appendInteger(sample.series);
          appender.appendBigInt(BigInt(sample.time));
          appender.appendDouble(sample.value);
          appender.endRow();
        }
        appender.closeSync();
        await connection.run('commit');
      } catch (error) {
        await connection.run('rollback').catch(() => {});
        this.#pending = [...samples, ...this.#pending].slice(-maximumPending);
        this.#newSeries = [...series, ...this.#newSeries];
        throw error;
      }
    });
  }

  /** Every series with its latest reading. */
  metrics(): LastReading[] {
    return [...this.#last.values()];
  }

  /** The latest reading of each series in [from, to], by "metric|node|component". */
  async latest(from: number, to: number): Promise<Record<string, { value: number; time: number }>> {
    await this.flush();
    const rows = await this.#database.read(
      `select metric, node, component, arg_max(value, time) as value, max(time) as time
       from samples join series on series = id where time between $1 and $2 group by metric, node, component`,
      [BigInt(Math.floor(from)), BigInt(Math.floor(to))],
    );
    return Object.fromEntries(
      rows.map(({ metric, node, component, value, time }) => [
        `${metric}|${node}|${component}`,
        { value: Number(value), time: Number(time) },
      ]),
    );
  }

  /** Every series that is kept, by the id that `samples` takes. */
  async series(): Promise<{ id: number; key: SeriesKey; source: string }[]> {
    await this.flush();
    const rows = await this.#database.read('select id, metric, node, component, application, source from series order by id');
    return (rows as unknown as (SeriesKey & { id: number; source: string })[]).map(({ id, source, ...key }) => ({
      id,
      key,
      source,
    }));
  }

  /** Every reading of a series in [from, to], as it came, oldest first. */
  async samples(id: number, from: number, to: number): Promise<{ times: number[]; values: number[] }> {
    const rows = await this.#database.read(
      'select time, value from samples where series = $1 and time between $2 and $3 order by time',
      [id, BigInt(Math.floor(from)), BigInt(Math.ceil(to))],
    );
    return { times: rows.map(({ time }) => Number(time)), values: rows.map(({ value }) => Number(value)) };
  }

  /**
   * Series of these metrics in [from, to] (ms since the epoch), averaged over steps of `stepMs`; a time is the beginning of its step.
   * A step without a reading is left out; where more than a few are missing, one null stands for the gap.
   */
  async query(wanted: { metrics: readonly string[]; from: number; to: number; stepMs: number }): Promise<Series[]> {
    if (wanted.metrics.length === 0) return [];
    await this.flush();
    const { from, to, stepMs } = wanted;
    const numbers = wanted.metrics.map((_, index) => `$${index + 4}`).join(', ');
    const values: SqlValue[] = [stepMs, BigInt(Math.floor(from)), BigInt(Math.ceil(to)), ...wanted.metrics];
    const rows = await this.#database.read(
      `select id, metric, node, component, application, source, (time // $1) * $1 as step, avg(value) as value
       from samples join series on series = id
       where time between $2 and $3 and metric in (${numbers})
       group by id, metric, node, component, application, source, step
       order by metric, node, component, id, step`,
      values,
    );
    const series: Series[] = [];
    let current: { id: number; series: Series } | undefined;
    for (const row of rows as unknown as AveragedRow[]) {
      const { id, step, value, source, ...key } = row;
      if (current?.id !== id) {
        current = { id, series: { key, unit: unitOf(key.metric), source, times: [], values: [] } };
        series.push(current.series);
      }
      push(current.series, Number(step), value, stepMs);
    }
    return series;
  }

  #note(key: SeriesKey, last: number, lastTime: number): void {
    const id = idOf(key, '');
    const known = this.#last.get(id);
    if (!known || known.lastTime <= lastTime) this.#last.set(id, { key, unit: unitOf(key.metric), last, lastTime });
  }
}

interface StoredSeries extends SeriesKey {
  id: number;
  source: string;
  last: number | null;
  lastTime: number | null;
}
interface AveragedRow extends SeriesKey {
  id: number;
  source: string;
  step: number;
  value: number;
}

const idOf = (key: SeriesKey, source: string): string =>
  [key.metric, key.node, key.component, key.application, source].join('\0');

function push(series: Series, time: number, value: number, stepMs: number): void {
  const last = series.times.at(-1);
  if (last !== undefined && time - last > Math.max(gapMs, gapSteps * stepMs)) {
    series.times.push(last + stepMs);
    series.values.push(null);
  }
  series.times.push(time);
  series.values.push(value);
}
