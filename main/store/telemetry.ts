import { BIGINT, DOUBLE, DuckDBDataChunk, INTEGER } from '@duckdb/node-api';
import type { Series, SeriesKey } from '../contract/telemetry.ts';
import type { ColdReadings } from './cold.ts';
import type { Database } from './database.ts';
import { columnsOf, quoted, withKeys } from './parquet.ts';
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
const maximumPending = 1_000_000;
/** Readings that are written at once, without waiting for the next second. */
const soon = 50_000;
const minuteMs = 60_000;
/** Rows that the database takes at once, by its own size of a vector. */
const chunkRows = 2048;
const columnTypes = [INTEGER, BIGINT, DOUBLE];

/** Telemetry of one testbed: readings are gathered in memory and written in batches, off the path on which they arrive. */
export class TelemetryStore {
  readonly #database: Database;
  readonly #cold: ColdReadings;
  /** By key and source: one look-up for each reading. */
  readonly #known = new Map<string, { id: number; last: LastReading }>();
  readonly #keys = new Map<number, { key: SeriesKey; source: string }>();
  readonly #last = new Map<string, LastReading>();
  #pending: { series: number; time: number; value: number }[] = [];
  #newSeries: { id: number; reading: Reading }[] = [];

  static async open(database: Database, cold: ColdReadings): Promise<TelemetryStore> {
    const store = new TelemetryStore(database, cold);
    const rows = await database.read(`
      select id, metric, node, component, application, source, last, lastTime
      from series left join (
        select series, arg_max(value, time) as last, max(time) as lastTime
        from (select series, time, value from samples union all select series, time, value from latest) group by series
      ) on series = id`);
    for (const row of rows) {
      const { id, source, last, lastTime, ...rest } = row as unknown as StoredSeries;
      const key: SeriesKey = rest;
      store.#learn(id, key, source);
      if (last !== null && lastTime !== null) note(store.#lastOf(key), last, lastTime);
    }
    return store;
  }

  private constructor(database: Database, cold: ColdReadings) {
    this.#database = database;
    this.#cold = cold;
  }

  /** Readings that the database has not taken yet. */
  get held(): number {
    return this.#pending.length;
  }

  /** Takes a reading; `flush` writes it. Values that are no finite numbers are gaps, not readings. */
  append(reading: Reading): void {
    if (!Number.isFinite(reading.value)) return;
    const id = idOf(reading.key, reading.source);
    let series = this.#known.get(id);
    if (series === undefined) {
      series = this.#learn(this.#known.size + 1, reading.key, reading.source);
      this.#newSeries.push({ id: series.id, reading });
    }
    this.#pending.push({ series: series.id, time: Math.round(reading.time), value: reading.value });
    if (this.#pending.length > maximumPending) this.#pending = this.#pending.slice(maximumPending / 10);
    // Whoever flushes each second tells what goes wrong.
    if (this.#pending.length === soon) this.flush().catch(() => {});
    note(series.last, reading.value, reading.time);
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
        // Column by column: a call into the database for each value would cost more than the rest.
        for (let at = 0; at < samples.length; at += chunkRows) {
          const some = samples.slice(at, at + chunkRows);
          const chunk = DuckDBDataChunk.create(columnTypes, some.length);
          chunk.setColumnValues(
            0,
            some.map(({ series: id }) => id),
          );
          chunk.setColumnValues(
            1,
            some.map(({ time }) => BigInt(time)),
          );
          chunk.setColumnValues(
            2,
            some.map(({ value }) => value),
          );
          appender.appendDataChunk(chunk);
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
    return [...this.#last.values()].filter(({ lastTime }) => Number.isFinite(lastTime)).map((last) => ({ ...last }));
  }

  /** The latest reading of each series in [from, to], by "metric|node|component". */
  async latest(from: number, to: number): Promise<Record<string, { value: number; time: number }>> {
    await this.#writePending();
    const [ids = [], times = [], values = []] = await this.#cold.steadily(() => {
      const readings = this.#readings({ from, to, ids: null, metrics: null, coarse: false });
      return this.#database.columns(
        `select series, max(time)::double, arg_max(total / number, time)::double from (${readings}) group by series`,
      );
    });
    const found: Record<string, { value: number; time: number }> = {};
    for (const [index, id] of ids.entries()) {
      const { metric, node, component } = this.#keyOf(id).key;
      const [time, value] = [times[index] as number, values[index] as number];
      const name = `${metric}|${node}|${component}`;
      if ((found[name]?.time ?? Number.NEGATIVE_INFINITY) < time) found[name] = { value, time };
    }
    return found;
  }

  /** Every series that is kept, by the id that `samples` takes. */
  series(): { id: number; key: SeriesKey; source: string }[] {
    return [...this.#keys].map(([id, { key, source }]) => ({ id, key, source }));
  }

  /** Every reading of a series in [from, to], oldest first: as it came, or by the minute where no more is kept. */
  async samples(id: number, from: number, to: number): Promise<{ times: number[]; values: number[] }> {
    await this.#writePending();
    const { metric } = this.#keyOf(id).key;
    const [times = [], values = []] = await this.#cold.steadily(() => {
      const readings = this.#readings({ from, to, ids: [id], metrics: [metric], coarse: false });
      return this.#database.columns(`select time::double, (total / number)::double from (${readings}) order by time`);
    });
    return { times, values };
  }

  /**
   * Series of these metrics in [from, to] (ms since the epoch), averaged over steps of `stepMs`; a time is the beginning of its step.
   * A step without a reading is left out; where more than a few are missing, one null stands for the gap. Steps of whole minutes are
   * answered from sums of minutes for what is cold, so that a day opens as quickly as an hour; a minute then counts as a whole.
   */
  async query(wanted: { metrics: readonly string[]; from: number; to: number; stepMs: number }): Promise<Series[]> {
    const metrics = new Set(wanted.metrics);
    const ids = [...this.#keys].flatMap(([id, { key }]) => (metrics.has(key.metric) ? [id] : []));
    if (ids.length === 0) return [];
    await this.#writePending();
    const { from, to, stepMs } = wanted;
    const [series = [], steps = [], values = []] = await this.#cold.steadily(() => {
      const readings = this.#readings({ from, to, ids, metrics: [...metrics], coarse: stepMs % minuteMs === 0 });
      return this.#database.columns(
        `select series, ((time // ${stepMs}) * ${stepMs})::double as step, (sum(total) / sum(number))::double
         from (${readings}) group by series, step order by series, step`,
      );
    });
    const found: Series[] = [];
    let current: { id: number; series: Series } | undefined;
    for (let row = 0; row < series.length; row++) {
      const id = series[row] as number;
      if (current?.id !== id) {
        const { key, source } = this.#keyOf(id);
        current = { id, series: { key, unit: unitOf(key.metric), source, times: [], values: [] } };
        found.push(current.series);
      }
      push(current.series, steps[row] as number, values[row] as number, stepMs);
    }
    const nameOf = ({ key }: Series): string => `${key.metric}\0${key.node}\0${key.component}`;
    return found.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0));
  }

  /** Writes the readings of these metrics in [from, to] into a file of Parquet, sorted by series and time. @returns how many there are */
  async export(file: string, wanted: { metrics: readonly string[]; from: number; to: number }): Promise<number> {
    const metrics = new Set(wanted.metrics);
    const ids = [...this.#keys].flatMap(([id, { key }]) => (metrics.has(key.metric) ? [id] : []));
    if (ids.length === 0) return 0;
    await this.#writePending();
    return this.#cold.steadily(async () => {
      const readings = this.#readings({ ...wanted, ids, metrics: [...metrics], coarse: false });
      const [row] = await this.#database.inBackground(
        `copy (select ${columnsOf('s')} from (${withKeys(`select series, time, total / number as value from (${readings})`)}) s
         order by metric, node, component, application, source, time) to ${quoted(file)} (format parquet, compression zstd)`,
      );
      return Number(row?.Count ?? 0);
    });
  }

  /** Everything that is kept of [from, to], wherever it lies, as (series, time, total, number): single readings, or minutes. */
  #readings(wanted: {
    from: number;
    to: number;
    ids: readonly number[] | null;
    metrics: readonly string[] | null;
    coarse: boolean;
  }): string {
    const { ids, metrics, coarse } = wanted;
    const from = Math.floor(wanted.from);
    const to = Math.ceil(wanted.to);
    const ofSeries = ids ? `and series in (${ids.join(', ')})` : '';
    const all = [
      `select series, time, value as total, 1 as number from samples where time between ${from} and ${to} ${ofSeries}`,
    ];
    // Of what is cold, before this time there are minutes alone.
    const { droppedUntil } = this.#cold;
    const singleFrom = coarse ? to + 1 : Math.max(from, droppedUntil);
    const minutesUntil = coarse ? to : Math.min(to, droppedUntil - 1);
    const minutesFrom = Math.floor(from / minuteMs) * minuteMs;
    if (minutesUntil >= minutesFrom)
      all.push(
        `select series, time, total, number from minutes where time between ${minutesFrom} and ${minutesUntil} ${ofSeries}`,
      );
    const paths = singleFrom > to ? [] : this.#cold.pathsIn(singleFrom, to);
    if (paths.length > 0) {
      const ofMetrics = metrics ? `and metric in (${metrics.map(quoted).join(', ')})` : '';
      all.push(
        `select series, epoch_ms(time) as time, value::double as total, 1 as number from read_parquet([${paths.map(quoted).join(', ')}])
         where time between make_timestamp_ms(${singleFrom}) and make_timestamp_ms(${to}) ${ofMetrics} ${ofSeries}`,
      );
    }
    return all.join(' union all ');
  }

  /** So that an answer has what has just come; where nothing can be written (a full disk), it has what is there. */
  async #writePending(): Promise<void> {
    // The store's own timer tells what goes wrong, and goes on trying.
    await this.flush().catch(() => {});
  }

  #keyOf(id: number): { key: SeriesKey; source: string } {
    const known = this.#keys.get(id);
    if (!known) throw new Error(`the store has no series ${id}`);
    return known;
  }

  #learn(id: number, key: SeriesKey, source: string): { id: number; last: LastReading } {
    const series = { id, last: this.#lastOf(key) };
    this.#known.set(idOf(key, source), series);
    this.#keys.set(id, { key, source });
    return series;
  }

  /** One for all sources of a series. */
  #lastOf(key: SeriesKey): LastReading {
    const id = idOf(key, '');
    const known = this.#last.get(id) ?? { key, unit: unitOf(key.metric), last: Number.NaN, lastTime: Number.NEGATIVE_INFINITY };
    this.#last.set(id, known);
    return known;
  }
}

function note(series: LastReading, value: number, time: number): void {
  if (series.lastTime > time) return;
  series.last = value;
  series.lastTime = time;
}

interface StoredSeries extends SeriesKey {
  id: number;
  source: string;
  last: number | null;
  lastTime: number | null;
}
const idOf = (key: SeriesKey, source: string): string =>
  `${key.metric}\0${key.node}\0${key.component}\0${key.application}\0${source}`;

function push(series: Series, time: number, value: number, stepMs: number): void {
  const last = series.times.at(-1);
  if (last !== undefined && time - last > Math.max(gapMs, gapSteps * stepMs)) {
    series.times.push(last + stepMs);
    series.values.push(null);
  }
  series.times.push(time);
  series.values.push(value);
}
