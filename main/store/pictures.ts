import { z } from 'zod';
import { topologySchema } from '../contract/topology.ts';
import type { Database } from './database.ts';

/** A testbed as it stood, without what changes all the time: readings lie beside it, and beats of living agents are not kept. */
export const pictureSchema = topologySchema.omit({ time: true, readings: true });
export type Picture = z.infer<typeof pictureSchema>;

const rowSchema = z.object({ time: z.number(), picture: z.string().nullable() });

export interface KeptPicture {
  /** ms since the epoch from when on it was so. */
  time: number;
  /** null: from then on nobody listened. */
  picture: Picture | null;
}

/** How one testbed stood, by time: a picture each time anything but a reading changed. */
export class PictureStore {
  readonly #database: Database;
  #last: string | null = null;
  #pending: { time: number; picture: string | null }[] = [];

  /** A process that died could not say that it listened no more: its last reading is the last that it knew. */
  static async open(database: Database): Promise<PictureStore> {
    const store = new PictureStore(database);
    const [row] = await database.read('select time, picture from pictures order by time desc limit 1');
    if (row === undefined || row.picture === null) return store;
    const [sample] = await database.read(
      'select max(time) as time from (select time from samples union all select time from latest)',
    );
    const last = Math.max(Number(row.time), Number(sample?.time ?? 0));
    store.#pending.push({ time: last + 1, picture: null });
    return store;
  }

  private constructor(database: Database) {
    this.#database = database;
  }

  /** Takes how it stands from `time` (ms since the epoch) on; `flush` writes it. The same again changes nothing. */
  save({ time, picture }: KeptPicture): void {
    const text = picture === null ? null : JSON.stringify(picture);
    if (text === this.#last) return;
    this.#last = text;
    this.#pending.push({ time: Math.round(time), picture: text });
  }

  /** Writes what has been taken. @throws Error of the database; what it did not take is offered again by the next flush. */
  flush(): Promise<void> {
    return this.#database.write(async (connection) => {
      if (this.#pending.length === 0) return;
      const pictures = this.#pending;
      this.#pending = [];
      try {
        await connection.run('begin');
        for (const { time, picture } of pictures)
          await connection.run('insert or replace into pictures values ($1, $2)', [BigInt(time), picture]);
        await connection.run('commit');
      } catch (error) {
        await connection.run('rollback').catch(() => {});
        this.#pending = [...pictures, ...this.#pending];
        throw error;
      }
    });
  }

  /** How it stood at `time`; null before the first picture. */
  async at(time: number): Promise<KeptPicture | null> {
    const [row] = await this.#read('where time <= $1 order by time desc limit 1', [time]);
    return row ?? null;
  }

  /** The last that was known before nobody listened at `time`. */
  async lastBefore(time: number): Promise<(KeptPicture & { picture: Picture }) | null> {
    const [row] = await this.#read('where time <= $1 and picture is not null order by time desc limit 1', [time]);
    return row?.picture ? { time: row.time, picture: row.picture } : null;
  }

  /** All within [from, to], oldest first, beginning with the one that held at `from`. */
  async between(from: number, to: number): Promise<KeptPicture[]> {
    const first = await this.at(from);
    const rest = await this.#read('where time > $1 and time <= $2 order by time', [from, to]);
    return first ? [{ ...first, time: Math.max(first.time, from) }, ...rest] : rest;
  }

  async #read(condition: string, times: number[]): Promise<KeptPicture[]> {
    // Where nothing can be written (a full disk), what is there is told; the store's timer goes on trying.
    await this.flush().catch(() => {});
    const rows = await this.#database.read(
      `select time, picture from pictures ${condition}`,
      times.map((time) => BigInt(Math.round(time))),
    );
    return rows.map((row) => {
      const { time, picture } = rowSchema.parse(row);
      return { time, picture: picture === null ? null : pictureSchema.parse(JSON.parse(picture)) };
    });
  }
}
