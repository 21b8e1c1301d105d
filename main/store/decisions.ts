import { type DecisionRecord, decisionRecordSchema } from '../../agents/decision/record.ts';
import type { Database } from './database.ts';

/** A statement with many rows costs little more than one with one. */
const rowsAtOnce = 100;

/** Decisions of one testbed: the latest revision of each. */
export class DecisionStore {
  readonly #database: Database;
  #pending = new Map<string, DecisionRecord>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Takes a record; `flush` writes it. An older revision than the one that is kept changes nothing. */
  save(record: DecisionRecord): void {
    const held = this.#pending.get(record.id);
    if (!held || held.revision <= record.revision) this.#pending.set(record.id, record);
  }

  /** Writes what has been taken. @throws Error of the database; what it did not take is offered again by the next flush. */
  flush(): Promise<void> {
    return this.#database.write(async (connection) => {
      if (this.#pending.size === 0) return;
      const records = this.#pending;
      this.#pending = new Map();
      try {
        await connection.run('begin');
        const all = [...records.values()];
        for (let at = 0; at < all.length; at += rowsAtOnce) {
          const some = all.slice(at, at + rowsAtOnce);
          const rows = some.map((_, row) => `($${4 * row + 1}, $${4 * row + 2}, $${4 * row + 3}, $${4 * row + 4})`);
          await connection.run(
            `insert into decisions values ${rows.join(', ')} on conflict (id) do update
             set revision = excluded.revision, time = excluded.time, record = excluded.record
             where excluded.revision >= decisions.revision`,
            some.flatMap((record) => [record.id, record.revision, BigInt(Math.round(record.time)), JSON.stringify(record)]),
          );
        }
        await connection.run('commit');
      } catch (error) {
        await connection.run('rollback').catch(() => {});
        for (const record of this.#pending.values()) records.set(record.id, record);
        this.#pending = records;
        throw error;
      }
    });
  }

  /** Newest first; those before the time `before` (ms since the epoch) when it is given. */
  async list(options: { limit: number; before?: number }): Promise<DecisionRecord[]> {
    // Where nothing can be written (a full disk), what is there is told; the store's timer goes on trying.
    await this.flush().catch(() => {});
    const rows = await this.#database.read('select record from decisions where time < $1 order by time desc, id desc limit $2', [
      BigInt(Math.round(options.before ?? Number.MAX_SAFE_INTEGER)),
      options.limit,
    ]);
    return rows.map((row) => parse(row.record));
  }

  async get(id: string): Promise<DecisionRecord | null> {
    // Where nothing can be written (a full disk), what is there is told; the store's timer goes on trying.
    await this.flush().catch(() => {});
    const [row] = await this.#database.read('select record from decisions where id = $1', [id]);
    return row ? parse(row.record) : null;
  }

  /** When the newest decision was taken, ms since the epoch; null without any. */
  async newestTime(): Promise<number | null> {
    // Where nothing can be written (a full disk), what is there is told; the store's timer goes on trying.
    await this.flush().catch(() => {});
    const [row] = await this.#database.read('select max(time) as time from decisions');
    return typeof row?.time === 'number' ? row.time : null;
  }
}

const parse = (record: unknown): DecisionRecord => decisionRecordSchema.parse(JSON.parse(String(record)));
