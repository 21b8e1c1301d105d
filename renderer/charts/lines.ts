import { isCeiling } from '../state/headline.ts';

/** One line of a chart, in the unit of the bus. */
export interface Line {
  label: string;
  /** 1–6: colour and dash; the same thing keeps its number on every chart of a page. */
  series: number;
  times: readonly number[];
  values: readonly (number | null)[];
}

/** Patterns in CSS px; the colour never stands alone. */
export const dashes: readonly (readonly number[])[] = [[], [], [6, 3], [2, 2.5], [8, 3, 2, 3], [4, 2, 1, 2], [1, 3]];

/** Index of the last time at or before `at`, or −1. */
export function indexAt(times: readonly number[], at: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The value that held at a moment; null in a gap, or when the last one is older than `staleMs`. */
export function valueAt(line: Pick<Line, 'times' | 'values'>, at: number, staleMs: number): number | null {
  const index = indexAt(line.times, at);
  const time = line.times[index];
  if (time === undefined || at - time > staleMs) return null;
  return line.values[index] ?? null;
}

/** How long a line missed its target within what is known of it, ms; each reading holds until the next, at most `longestMs`. */
export function timeMissing(
  line: Pick<Line, 'times' | 'values'>,
  target: number,
  relation: string,
  longestMs: number,
): { missed: number; known: number } {
  let missed = 0;
  let known = 0;
  for (let index = 0; index + 1 < line.times.length; index++) {
    const value = line.values[index];
    if (value === null || value === undefined) continue;
    const held = Math.min(longestMs, (line.times[index + 1] ?? 0) - (line.times[index] ?? 0));
    known += held;
    if (isCeiling(relation) ? value > target : value < target) missed += held;
  }
  return { missed, known };
}

export interface Summary {
  last: number | null;
  lowest: number | null;
  mean: number | null;
  highest: number | null;
}

export function summarise(line: Pick<Line, 'values'>): Summary {
  let last: number | null = null;
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let known = 0;
  for (const value of line.values) {
    if (value === null) continue;
    last = value;
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
    sum += value;
    known++;
  }
  return last === null ? { last, lowest: null, mean: null, highest: null } : { last, lowest, mean: sum / known, highest };
}
