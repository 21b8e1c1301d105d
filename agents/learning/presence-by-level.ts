import { z } from 'zod';
import type { Json } from './predictor.ts';

/** Of a bin of levels, dB, and how many there are from the quiet level on; what is louder is in the last. */
const binDb = 1.5;
const bins = 16;
/** What the rule of thumb says counts like so many readings. */
const thumbCounts = 3;
/** A reading counts half after some hours of readings, one a second. */
const forgetting = 1 - 1e-4;
/** The quiet level is below what is heard for all but this share of the time; at first it is the lowest that was heard. */
const quietShare = 0.2;
const stepDb = 0.05;
const firstReadings = 60;

export const presenceByLevelStateSchema = z.object({
  quietDb: z.number().nullable(),
  heard: z.number().int().min(0),
  absent: z.array(z.number().min(0)).length(bins),
  present: z.array(z.number().min(0)).length(bins),
});

/**
 * How likely it is that somebody is there, by how much louder it is than when it is quiet. Readings with and without somebody are counted in bins of levels; a rule
 * of thumb steps in where few were; and as who is louder is not less there, the shares are made to rise (pool adjacent violators: Ayer et al., 1955).
 */
export class PresenceByLevel {
  readonly #loudDb: number;
  #quietDb: number | null = null;
  #heard = 0;
  #absent = new Array<number>(bins).fill(0);
  #present = new Array<number>(bins).fill(0);

  /** @param loudDb above the quiet level, at which somebody is surely there: the rule of thumb */
  constructor(loudDb: number) {
    this.#loudDb = loudDb;
  }

  /** Readings with and without somebody, the fewer of both. */
  get samples(): number {
    return Math.min(sum(this.#absent), sum(this.#present));
  }

  /** Every reading tells how quiet it gets here. */
  hear(db: number): void {
    this.#heard++;
    // After that, stochastic approximation of a quantile (Robbins and Monro, 1951).
    if (this.#quietDb === null || this.#heard <= firstReadings) this.#quietDb = Math.min(this.#quietDb ?? db, db);
    else this.#quietDb += stepDb * (db < this.#quietDb ? quietShare - 1 : quietShare);
  }

  learn(db: number, isThere: boolean): void {
    for (const counts of [this.#absent, this.#present]) for (let bin = 0; bin < bins; bin++) counts[bin]! *= forgetting;
    (isThere ? this.#present : this.#absent)[this.#binOf(db)]!++;
  }

  /** 0 when it is quiet, 1 from `loudDb` above it on. */
  byThumb(db: number): number {
    return Math.min(Math.max((db - (this.#quietDb ?? db)) / this.#loudDb, 0), 1);
  }

  /** 0–1, as it was learnt. */
  learnt(db: number): number {
    const blocks: { share: number; weight: number; count: number }[] = [];
    for (let bin = 0; bin < bins; bin++) {
      const thumb = Math.min(((bin + 0.5) * binDb) / this.#loudDb, 1);
      const weight = this.#absent[bin]! + this.#present[bin]! + thumbCounts;
      let block = { share: (this.#present[bin]! + thumb * thumbCounts) / weight, weight, count: 1 };
      for (let last = blocks.at(-1); last && last.share > block.share; last = blocks.at(-1)) {
        const together = last.weight + block.weight;
        const share = (last.share * last.weight + block.share * block.weight) / together;
        block = { share, weight: together, count: last.count + block.count };
        blocks.pop();
      }
      blocks.push(block);
    }
    let left = this.#binOf(db);
    for (const { share, count } of blocks) {
      if (left < count) return share;
      left -= count;
    }
    return 1;
  }

  state(): z.infer<typeof presenceByLevelStateSchema> {
    return { quietDb: this.#quietDb, heard: this.#heard, absent: [...this.#absent], present: [...this.#present] };
  }

  /** @throws z.ZodError when `state` is not one of its own */
  restore(state: Json): void {
    const { quietDb, heard, absent, present } = presenceByLevelStateSchema.parse(state);
    this.#quietDb = quietDb;
    this.#heard = heard;
    this.#absent = absent;
    this.#present = present;
  }

  #binOf(db: number): number {
    return Math.min(Math.max(Math.floor((db - (this.#quietDb ?? db)) / binDb), 0), bins - 1);
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
