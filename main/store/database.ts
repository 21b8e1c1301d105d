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
  create table if not exists pictures (time bigint primary key, picture varchar);
  create table if not exists parts (
    file varchar primary key, first bigint not null, last bigint not null, number bigint not null, bytes bigint not null);
  create table if not exists minutes (series integer not null, time bigint not null, total double not null, number integer not null);
  create table if not exists latest (series integer primary key, time bigint not null, value double not null);
  create table if not exists facts (name varchar primary key, value bigint not null);`;

export type SqlValue = string | number | bigint;
type Row = Record<string, unknown>;

/** What DuckDB says when a write that failed half-way (a full disk) has left the open database unusable; the file itself is whole. */
const unusable = /invalidated|FATAL/;

interface Opened {
  instance: DuckDBInstance;
  writer: DuckDBConnection;
  reader: DuckDBConnection;
  /** For long work that reads: whoever asks for a chart does not wait for it. */
  background: DuckDBConnection;
}

/**
 * One testbed's database file (DuckDB). One process alone may have it open. What was committed survives the death of the process: the
 * write-ahead log is replayed when the file is opened again.
 */
export class Database {
  readonly file: string;
  #opened: Opened;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Opens the file, makes it when it is not there. @throws StoreError when it cannot be opened. */
  static async open(file: string): Promise<Database> {
    try {
      return new Database(file, await openFile(file));
    } catch (error) {
      throw new StoreError(`${file} cannot be opened: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }

  private constructor(file: string, opened: Opened) {
    this.file = file;
    this.#opened = opened;
  }

  /** Runs `work` after every write before it: one writer at a time. A database that a failed write made unusable is opened anew. */
  write<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('the store is closed'));
    const done = this.#last.then(async () => {
      try {
        return await work(this.#opened.writer);
      } catch (error) {
        if (error instanceof Error && unusable.test(error.message)) await this.#reopen();
        throw error;
      }
    });
    // Whoever asked hears of a failure; the next write goes on.
    this.#last = done.catch(() => {});
    return done;
  }

  /** Rows as objects; 64-bit integers come as numbers (times in ms are far below 2^53). */
  async read(sql: string, values: SqlValue[] = []): Promise<Row[]> {
    const result = await this.#reader().runAndReadAll(sql, values);
    return result.getRowObjectsJS().map(asNumbers);
  }

  /** The same as columns of numbers, for many rows: all that is asked for must be DOUBLE or INTEGER, and not null. */
  async columns(sql: string, values: SqlValue[] = []): Promise<number[][]> {
    const result = await this.#reader().run(sql, values);
    const columns = Array.from({ length: result.columnCount }, (): number[] => []);
    for (const chunk of await result.fetchAllChunks())
      for (const [index, column] of columns.entries()) {
        const vector = chunk.getColumnVector(index);
        for (let row = 0; row < vector.itemCount; row++) column.push(vector.getItem(row) as number);
      }
    return columns;
  }

  /** Runs long work that only reads, beside everything else. */
  async inBackground(sql: string, values: SqlValue[] = []): Promise<Row[]> {
    this.#reader();
    const result = await this.#opened.background.runAndReadAll(sql, values);
    return result.getRowObjectsJS().map(asNumbers);
  }

  /** Waits for writes under way, then closes: the file is complete without its log. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    closeFile(this.#opened);
  }

  #reader(): DuckDBConnection {
    if (this.#closed) throw new StoreError('the store is closed');
    return this.#opened.reader;
  }

  /** Where that fails, too (the disk is still full), the next write that fails tries again. */
  async #reopen(): Promise<void> {
    closeFile(this.#opened);
    this.#opened = await openFile(this.file);
  }
}

async function openFile(file: string): Promise<Opened> {
  const instance = await DuckDBInstance.create(file, settings);
  try {
    const writer = await instance.connect();
    await writer.run(tables);
    return { instance, writer, reader: await instance.connect(), background: await instance.connect() };
  } catch (error) {
    instance.closeSync();
    throw error;
  }
}

function closeFile({ instance, writer, reader, background }: Opened): void {
  for (const connection of [background, reader, writer]) connection.closeSync();
  instance.closeSync();
}

export class StoreError extends Error {
  override readonly name = 'StoreError';
}

const asNumbers = (row: Record<string, unknown>): Row =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]));
