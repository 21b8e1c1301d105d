import { rename } from 'node:fs/promises';
import { type ColdLimits, ColdReadings, coldLimits } from './cold.ts';
import { Database, StoreError } from './database.ts';
import { DecisionStore } from './decisions.ts';
import { PictureStore } from './pictures.ts';
import { TelemetryStore } from './telemetry.ts';

const flushMs = 1000;
/** How often it is seen whether readings have grown cold. */
const moveMs = 60_000;

/** Somebody else has the file, or a newer version wrote it: the file is whole, and stays where it is. */
const notDamaged = /lock|being used by another process|version|permission|space left|not a valid DuckDB/i;

/** What the desktop keeps of one testbed, in one file, and the readings that have grown cold beside it. */
export class Store {
  readonly telemetry: TelemetryStore;
  readonly decisions: DecisionStore;
  readonly pictures: PictureStore;
  readonly cold: ColdReadings;
  readonly #database: Database;
  readonly #timers: ReturnType<typeof setInterval>[];
  get file(): string {
    return this.#database.file;
  }

  /** What the last flush failed with; null when it did not. */
  trouble: string | null = null;
  #closing: Promise<void> | null = null;

  /**
   * A file that is damaged (cut off by a failing disk) is put aside, not lost, and a new one begins with the cold readings that lie beside it.
   * @throws StoreError when the file cannot be opened, e.g. because another process has it.
   */
  static async open(file: string, log: (text: string) => void, limits: ColdLimits = coldLimits): Promise<Store> {
    let database: Database;
    try {
      database = await Database.open(file);
    } catch (error) {
      if (!(error instanceof StoreError) || notDamaged.test(error.message)) throw error;
      const aside = `${file}.damaged-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}`;
      await rename(file, aside);
      await rename(`${file}.wal`, `${aside}.wal`).catch((reason: NodeJS.ErrnoException) => {
        if (reason.code !== 'ENOENT') throw reason;
      });
      log(
        `what was kept cannot be read and was put aside as ${aside}; it begins anew with what had grown cold (${error.message})`,
      );
      database = await Database.open(file);
    }
    const cold = await ColdReadings.open(database, limits, log);
    return new Store(database, cold, await TelemetryStore.open(database, cold), await PictureStore.open(database), log);
  }

  private constructor(
    database: Database,
    cold: ColdReadings,
    telemetry: TelemetryStore,
    pictures: PictureStore,
    log: (text: string) => void,
  ) {
    this.#database = database;
    this.cold = cold;
    this.telemetry = telemetry;
    this.pictures = pictures;
    this.decisions = new DecisionStore(database);
    let moving: string | null = null;
    this.#timers = [
      setInterval(() => {
        this.flush().then(
          () => {
            if (this.trouble !== null) log('the store takes readings again');
            this.trouble = null;
          },
          (error: Error) => {
            // Told once, not each second.
            if (this.trouble === null) log(`the store does not take readings: ${error.message}`);
            this.trouble = error.message;
          },
        );
      }, flushMs),
      setInterval(() => {
        this.cold.move().then(
          () => {
            moving = null;
          },
          (error: Error) => {
            if (this.#closing === null && moving !== error.message)
              log(`readings that grew cold stay where they are: ${error.message}`);
            moving = error.message;
          },
        );
      }, moveMs),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  /** From the first to the last of what is kept, ms since the epoch; null while there is nothing. */
  async span(): Promise<{ from: number; to: number } | null> {
    // Where nothing can be written, what is there has a span, too.
    await this.flush().catch(() => {});
    const [row] = await this.#database.read(
      `select min(first) as first, max(last) as last from (
         select min(time) as first, max(time) as last from samples union all
         select min(first), max(last) from parts union all
         select min(time), max(time) from minutes union all
         select min(time), max(time) from decisions union all
         select min(time), max(time) from pictures)`,
    );
    return typeof row?.first === 'number' && typeof row.last === 'number' ? { from: row.first, to: row.last } : null;
  }

  async flush(): Promise<void> {
    await Promise.all([this.telemetry.flush(), this.decisions.flush(), this.pictures.flush()]);
  }

  /** Writes what is still in memory, then closes the file. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    try {
      await this.flush();
    } finally {
      await this.#database.close();
    }
  }
}
