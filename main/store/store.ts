import { Database } from './database.ts';
import { DecisionStore } from './decisions.ts';
import { PictureStore } from './pictures.ts';
import { TelemetryStore } from './telemetry.ts';

const flushMs = 1000;

/** What the desktop keeps of one testbed, in one file. */
export class Store {
  readonly telemetry: TelemetryStore;
  readonly decisions: DecisionStore;
  readonly pictures: PictureStore;
  readonly #database: Database;
  readonly #timer: ReturnType<typeof setInterval>;
  #failing = false;
  #closing: Promise<void> | null = null;

  /** @throws StoreError when the file cannot be opened, e.g. because another process has it. */
  static async open(file: string, log: (text: string) => void): Promise<Store> {
    const database = await Database.open(file);
    return new Store(database, await TelemetryStore.open(database), await PictureStore.open(database), log);
  }

  private constructor(database: Database, telemetry: TelemetryStore, pictures: PictureStore, log: (text: string) => void) {
    this.#database = database;
    this.telemetry = telemetry;
    this.pictures = pictures;
    this.decisions = new DecisionStore(database);
    this.#timer = setInterval(() => {
      this.flush().then(
        () => {
          this.#failing = false;
        },
        (error: Error) => {
          // Told once, not each second.
          if (!this.#failing) log(`the store does not take readings: ${error.message}`);
          this.#failing = true;
        },
      );
    }, flushMs);
    this.#timer.unref();
  }

  /** From the first to the last of what is kept, ms since the epoch; null while there is nothing. */
  async span(): Promise<{ from: number; to: number } | null> {
    await this.flush();
    const [row] = await this.#database.read(
      `select min(first) as first, max(last) as last from (
         select min(time) as first, max(time) as last from samples union all
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
    clearInterval(this.#timer);
    try {
      await this.flush();
    } finally {
      await this.#database.close();
    }
  }
}
