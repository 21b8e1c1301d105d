import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/** Bounds for one testbed's database: the window, not the store, should have the computer. */
const settings = { threads: '2', memory_limit: '256MB' };

const tables = `
  create table if not exists series (
    id integer primary key, metric varchar not null, node varchar not null,
    component varchar not null, application varchar not null, source varchar not null);
  create table if not exists samples (series integer not null, time bigint not null, value double not null);
  create table if not exists decisions (
    id varchar primary key, revision integer not null, time bigint not null, record varchar not null);
  create table if not exists pictures (time bigint primary key, picture varchar);`;

export type SqlValue = string | number | bigint;
type Row = Record<string, unknown>;

/**
 * One testbed's database file (DuckDB). One process alone may have it open. What was committed survives the death of the process: the
 * write-ahead log is replayed when the file is opened again.
 */
export class Database {
  readonly #instance: DuckDBInstance;
  readonly #writer: DuckDBConnection;
  readonly #reader: DuckDBConnection;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Opens the file, makes it when it is not there. @throws StoreError when it cannot be opened. */
  static async open(file: string): Promise<Database> {
    try {
      const instance = await DuckDBInstance.create(file, settings);
      const writer = await instance.connect();
      await writer.run(tables);
      return new Database(instance, writer, await instance.connect());
    } catch (error) {
      throw new StoreError(`${file} cannot be opened: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }

  private constructor(instance: DuckDBInstance, writer: DuckDBConnection, reader: DuckDBConnection) {
    this.#instance = instance;
    this.#writer = writer;
    this.#reader = reader;
  }

  /** Runs `work` after every write before it: one writer at a time. */
  write<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('the store is closed'));
    const done = this.#last.then(() => work(this.#writer));
    // Whoever asked hears of a failure; the next write goes on.
    this.#last = done.catch(() => {});
    return done;
  }

  /** Rows as objects; 64-bit integers come as numbers (times in ms are far below 2^53). */
  async read(sql: string, values: SqlValue[] = []): Promise<Row[]> {
    if (this.#closed) throw new StoreError('the store is closed');
    const result = await this.#reader.runAndReadAll(sql, values);
    return result.getRowObjectsJS().map(asNumbers);
  }

  /** Waits for writes under way, then closes: the file is complete without its log. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    this.#reader.closeSync();
    this.#writer.closeSync();
    this.#instance.closeSync();
  }
}

export class StoreError extends Error {
  override readonly name = 'StoreError';
}

const asNumbers = (row: Record<string, unknown>): Row =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]));
