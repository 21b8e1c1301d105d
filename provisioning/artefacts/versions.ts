import { z } from 'zod';

type Numbers = readonly [major: number, minor: number, patch: number];

/** Of "v1.36.2", "1.6.20~ds1-1+b1" or "2.10": its numbers; missing ones are 0, what comes after them is left out. Null when it is no version. */
export function numbersOf(version: string): Numbers | null {
  const match = /^(?:\d+:)?v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?!\d)/.exec(version);
  return match === null ? null : [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)];
}

/** Below zero when the first is older; by their three numbers only. */
const compare = (first: Numbers, second: Numbers): number => first[0] - second[0] || first[1] - second[1] || first[2] - second[2];

/** Versions by bounds, all of which must hold: ">=1.6.0", ">=1.35.0 <1.37.0". */
export const versionRangeSchema = z
  .string()
  .regex(/^(>=|<)\d+\.\d+\.\d+( (>=|<)\d+\.\d+\.\d+)*$/, 'bounds such as ">=1.35.0 <1.37.0"');

/** Whether a version lies within a range of `versionRangeSchema`; what is no version does not. */
export function isWithinRange(version: string, range: string): boolean {
  const numbers = numbersOf(version);
  if (numbers === null) return false;
  return range.split(' ').every((bound) => {
    const isLower = bound.startsWith('>=');
    const limit = numbersOf(bound.slice(isLower ? 2 : 1));
    if (limit === null) return false;
    return isLower ? compare(numbers, limit) >= 0 : compare(numbers, limit) < 0;
  });
}
