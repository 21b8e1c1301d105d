import { describe, expect, it, test } from 'vitest';
import { drawnEvery } from './moment.ts';
import { pictureFrom, shownTime, useTime } from './time.ts';

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

describe('what the time line shows', () => {
  const end = 1_700_000_000_000;
  const minute = 60_000;
  const first = end - 600 * minute;
  it('follows now, also with the cursor a little back', () => {
    const state = { cursor: end - 5 * minute, rangeMs: 30 * minute, window: null };
    expect(shownTime(state, { end, first, living: true })).toEqual({
      from: end - 30 * minute,
      to: end,
      follows: true,
      away: false,
    });
  });
  it('is a piece around a cursor that is far back, and never before the first that is known', () => {
    const far = shownTime({ cursor: end - 300 * minute, rangeMs: 30 * minute, window: null }, { end, first, living: true });
    expect(far).toEqual({ from: end - 324 * minute, to: end - 294 * minute, follows: false, away: true });
    const early = shownTime({ cursor: first + minute, rangeMs: 30 * minute, window: null }, { end, first, living: true });
    expect(early.from).toBe(first);
  });
  it('of what lives no more ends with its last moment and follows nothing', () => {
    const shown = shownTime({ cursor: null, rangeMs: 30 * minute, window: null }, { end, first, living: false });
    expect(shown).toEqual({ from: end - 30 * minute, to: end, follows: false, away: false });
  });
  it('moves a chosen window along with a cursor that leaves it, at its length', () => {
    useTime.getState().show([end - 20 * minute, end - 10 * minute]);
    useTime.getState().moveTo(end - 40 * minute);
    expect(useTime.getState().window).toEqual([end - 41 * minute, end - 31 * minute]);
    useTime.getState().live();
    expect(useTime.getState().window).toBeNull();
  });
});

test('a picture is drawn anew when it has moved on by a column, from a second to five', () => {
  expect(
    [60_000, 30 * 60_000, 30 * 60_000, 24 * 3600_000].map((shown, index) => drawnEvery(shown, [400, 400, 1200, 400][index]!)),
  ).toEqual([1000, 4000, 1000, 5000]);
});
