import { describe, expect, it } from 'vitest';
import { pictureFrom } from './time.ts';

const minute = 60_000;
const now = 1_000 * minute;

describe('where a picture of the last half hour begins', () => {
  it('is half an hour ago when there is as much to see, or nothing is known', () => {
    expect(pictureFrom(now, 30 * minute, now - 90 * minute)).toBe(now - 30 * minute);
    expect(pictureFrom(now, 30 * minute, undefined)).toBe(now - 30 * minute);
  });
  it('is the first reading of a younger testbed, but never less than two minutes ago', () => {
    expect(pictureFrom(now, 30 * minute, now - 7 * minute)).toBe(now - 7 * minute);
    expect(pictureFrom(now, 30 * minute, now - 1000)).toBe(now - 2 * minute);
  });
});
