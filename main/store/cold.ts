import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Database } from './database.ts';
import { columnsOf, quoted, withKeys } from './parquet.ts';

const minuteMs = 60_000;

/** When readings grow cold, and how many of them are kept. */
export interface ColdLimits {
  /** Readings of the last so many ms stay in the database. */
  hotMs: number;
  /** Readings in a part at least, unless `longestMs` have come together, and at most. */
  leastReadings: number;
  mostReadings: number;
  longestMs: number;
  /** All parts of one testbed together; past it the oldest go, and their minutes stay. */
  mostBytes: number;
  /** Minutes that are kept; past it the oldest tenth goes. Twenty million are three months of four nodes with 40 series each. */
  mostMinutes: number;
}
export const coldLimits: ColdLimits = {
  hotMs: 30 * minuteMs,
  leastReadings: 500_000,
  mostReadings: 2_000_000,
  longestMs: 6 * 60 * minuteMs,
  mostBytes: 2 * 2 ** 30,
  mostMinutes: 20_000_000,
};

export interface Part {
  /** Its name in the folder of the cold. */
  file: string;
  /** ms since the epoch, both within. */
  first: number;
  last: number;
  readings: number;
  bytes: number;
}

/**
 * Readings that have grown cold: files of Parquet, sorted by metric, series and time and compressed, which any other tool reads as well.
 * Values keep seven significant digits. Each minute of them stays in the database as a sum and a number, from which long windows are
 * answered; where parts had to go, all windows are.
 *
 * A part is written beside, synced, and named; then one transaction adds it and takes its readings out of the database. Whatever ends the
 * process between the two leaves the readings in the database, and a file that the next start removes.
 */
export class ColdReadings {
  readonly folder: string;
  readonly #database: Database;
  #limits: ColdLimits;
  #parts: readonly Part[] = [];
  /** Readings before this time (ms since the epoch) are there as minutes alone. */
  #droppedUntil = 0;
  /** Goes up with each change of what lies where: who read meanwhile reads again. */
  #generation = 0;
  #moving: Promise<boolean> | null = null;

  static async open(database: Database, limits: ColdLimits, log: (text: string) => void): Promise<ColdReadings> {
    const cold = new ColdReadings(database, limits);
    await cold.#load(log);
    return cold;
  }

  private constructor(database: Database, limits: ColdLimits) {
    this.#database = database;
    this.#limits = limits;
    this.folder = join(dirname(database.file), 'telemetry');
  }

  /** All parts together, in bytes. What is more goes with the next move, within a minute. */
  keepAtMost(mostBytes: number): void {
    this.#limits = { ...this.#limits, mostBytes };
  }

  get parts(): readonly Part[] {
    return this.#parts;
  }
  get droppedUntil(): number {
    return this.#droppedUntil;
  }

  /** Runs a reading of the store until nothing was moved meanwhile. */
  async steadily<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      const before = this.#generation;
      try {
        const found = await read();
        if (before === this.#generation) return found;
      } catch (error) {
        if (before === this.#generation) throw error;
      }
    }
  }

  /** Paths of the parts that may hold readings of [from, to]. */
  pathsIn(from: number, to: number): string[] {
    return this.#parts.filter(({ first, last }) => first <= to && last >= from).map(({ file }) => join(this.folder, file));
  }

  /** Moves what has grown cold, one part at most, and lets go what is too much. @returns whether a part was made */
  move(): Promise<boolean> {
    this.#moving ??= this.#move().finally(() => {
      this.#moving = null;
    });
    return this.#moving;
  }

  async #move(): Promise<boolean> {
    const cut = await this.#cut();
    if (cut === null) {
      // Less may be kept than was when they were written.
      if (this.#parts.reduce((sum, { bytes }) => sum + bytes, 0) > this.#limits.mostBytes) await this.#letGo();
      return false;
    }
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const file = `${cut.first}-${cut.before}-${this.#generation}.parquet`;
    await this.#write(file, cut.before, (sql) => this.#database.inBackground(sql));
    await this.#database.write(async (connection) => {
      // A reading that came late, while the part was written, is in none: then it is written again, and nothing comes in between.
      const late = await connection.runAndReadAll(`select count(*) as number from samples where time < ${cut.before}`);
      let readings = Number(late.getRowObjectsJS()[0]?.number);
      if (readings !== cut.readings) {
        await this.#write(file, cut.before, (sql) => connection.run(sql));
        const again = await connection.runAndReadAll(`select count(*) as number from samples where time < ${cut.before}`);
        readings = Number(again.getRowObjectsJS()[0]?.number);
      }
      const { size } = await stat(join(this.folder, file));
      try {
        await connection.run('begin');
        const bounds = `select min(time) as first, max(time) as last from samples where time < ${cut.before}`;
        const [row] = (await connection.runAndReadAll(bounds)).getRowObjectsJS();
        const part = { file, first: Number(row?.first), last: Number(row?.last), readings, bytes: size };
        await connection.run('insert into parts values ($1, $2, $3, $4, $5)', [
          file,
          BigInt(part.first),
          BigInt(part.last),
          BigInt(readings),
          BigInt(size),
        ]);
        await connection.run(`insert into minutes
          select series, (time // ${minuteMs}) * ${minuteMs} as minute, sum(value), count(*)
          from samples where time < ${cut.before} group by series, minute order by series, minute`);
        await connection.run(`insert into latest
          select series, max(time), arg_max(value, time) from samples where time < ${cut.before} group by series
          on conflict (series) do update set time = excluded.time, value = excluded.value where excluded.time >= latest.time`);
        await connection.run(`delete from samples where time < ${cut.before}`);
        await connection.run('commit');
        this.#parts = [...this.#parts, part];
        this.#generation++;
      } catch (error) {
        await connection.run('rollback').catch(() => {});
        throw error;
      }
    });
    await this.#letGo();
    return true;
  }

  /** How much is cold enough and goes into one part: whole minutes, the oldest first. */
  async #cut(): Promise<{ first: number; before: number; readings: number } | null> {
    const { hotMs, leastReadings, mostReadings, longestMs } = this.#limits;
    const minutes = await this.#database.inBackground(
      `select time // ${minuteMs} as minute, count(*) as number from samples
       where time < (select max(time) from samples) - ${hotMs} group by minute order by minute`,
    );
    // The last minute may not have grown cold to its end.
    const whole = minutes.slice(0, -1).map(({ minute, number }) => ({ minute: Number(minute), number: Number(number) }));
    const first = whole[0]?.minute;
    let last = first;
    let readings = 0;
    for (const { minute, number } of whole) {
      if (readings > 0 && readings + number > mostReadings) break;
      readings += number;
      last = minute;
    }
    if (first === undefined || last === undefined) return null;
    if (readings < leastReadings && (last - first) * minuteMs < longestMs) return null;
    return { first: first * minuteMs, before: (last + 1) * minuteMs, readings };
  }

  async #write(file: string, before: number, run: (sql: string) => Promise<unknown>): Promise<void> {
    const half = join(this.folder, `${file}.half`);
    await run(`copy (
      select ${columnsOf('s')}, series from (${withKeys(`select series, time, value::float as value from samples where time < ${before}`)}) s
      order by metric, series, time
    ) to ${quoted(half)} (format parquet, parquet_version v2, compression zstd, row_group_size 122880)`);
    await sync(half);
    await rename(half, join(this.folder, file));
    await sync(this.folder);
  }

  /** Oldest first, until what is left is not too much. */
  async #letGo(): Promise<void> {
    const sorted = [...this.#parts].sort((a, b) => b.last - a.last);
    let bytes = 0;
    const gone = sorted.filter((part) => {
      bytes += part.bytes;
      return bytes > this.#limits.mostBytes;
    });
    await this.#database.write(async (connection) => {
      if (gone.length > 0) {
        const until = Math.max(this.#droppedUntil, ...gone.map(({ last }) => (Math.floor(last / minuteMs) + 1) * minuteMs));
        await connection.run('begin');
        await connection.run("insert or replace into facts values ('dropped_until', $1)", [BigInt(until)]);
        for (const { file } of gone) await connection.run('delete from parts where file = $1', [file]);
        await connection.run('commit');
        this.#parts = this.#parts.filter((part) => !gone.includes(part));
        this.#droppedUntil = until;
        this.#generation++;
      }
      const counted = await connection.runAndReadAll('select count(*) as number from minutes');
      if (Number(counted.getRowObjectsJS()[0]?.number) > this.#limits.mostMinutes)
        await connection.run('delete from minutes where time <= (select quantile_disc(time, 0.1) from minutes)');
    });
    for (const { file } of gone) await rm(join(this.folder, file), { force: true });
  }

  /** Takes up the parts that the database knows; those that only lie in the folder when the database is new. */
  async #load(log: (text: string) => void): Promise<void> {
    const rows = await this.#database.read('select file, first, last, number as readings, bytes from parts order by first');
    const known = rows as unknown as Part[];
    const [fact] = await this.#database.read("select value from facts where name = 'dropped_until'");
    this.#droppedUntil = Number(fact?.value ?? 0);
    const lying = (await readdir(this.folder).catch(() => [])).filter((name) => /\.parquet(\.half)?$/.test(name));
    const missing = known.filter(({ file }) => !lying.includes(file));
    for (const { file } of missing) log(`${join(this.folder, file)} is gone; its readings are known by the minute alone`);
    this.#parts = known.filter((part) => !missing.includes(part));
    const [row] = await this.#database.read('select count(*) as number from series');
    const others = lying.filter((name) => !known.some(({ file }) => file === name));
    // A database that was made anew, since the old one was damaged, knows nothing of what lies beside it.
    if (Number(row?.number) === 0 && known.length === 0)
      for (const name of others.filter((one) => one.endsWith('.parquet'))) await this.#adopt(name, log);
    // What a process that died had begun: its readings are still in the database.
    else for (const name of others) await rm(join(this.folder, name), { force: true });
    if (missing.length > 0) this.#droppedUntil = Math.max(this.#droppedUntil, ...missing.map(({ last }) => last + 1));
  }

  async #adopt(file: string, log: (text: string) => void): Promise<void> {
    const path = join(this.folder, file);
    const from = `read_parquet(${quoted(path)})`;
    try {
      const { size } = await stat(path);
      const part = await this.#database.write(async (connection) => {
        const found = await connection.runAndReadAll(
          `select epoch_ms(min(time)) as first, epoch_ms(max(time)) as last, count(*) as readings from ${from}`,
        );
        const [row] = found.getRowObjectsJS();
        await connection.run('begin');
        await connection.run(`insert or ignore into series
          select distinct series, metric, node, component, application, source from ${from}`);
        await connection.run(`insert into minutes
          select series, (epoch_ms(time) // ${minuteMs}) * ${minuteMs} as minute, sum(value), count(*) from ${from}
          group by series, minute order by series, minute`);
        await connection.run(`insert into latest
          select series, epoch_ms(max(time)), arg_max(value, time) from ${from} group by series
          on conflict (series) do update set time = excluded.time, value = excluded.value where excluded.time >= latest.time`);
        const made = { file, first: Number(row?.first), last: Number(row?.last), readings: Number(row?.readings), bytes: size };
        await connection.run('insert into parts values ($1, $2, $3, $4, $5)', [
          file,
          BigInt(made.first),
          BigInt(made.last),
          BigInt(made.readings),
          BigInt(size),
        ]);
        await connection.run('commit');
        return made;
      });
      this.#parts = [...this.#parts, part];
    } catch (error) {
      await this.#database.write((connection) => connection.run('rollback')).catch(() => {});
      log(`${path} cannot be read and is left where it is: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** What a process or a computer that dies afterwards cannot undo. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    // Windows opens no folders, and needs no sync of them.
    if (process.platform === 'win32') return null;
    throw error;
  });
  try {
    await handle?.sync();
  } catch (error) {
    if (process.platform !== 'win32') throw error;
  } finally {
    await handle?.close();
  }
}
