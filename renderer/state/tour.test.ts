import { expect, test } from 'vitest';
import { endTour, offerTour, takeTour, useTour } from './tour.ts';

test('the tour comes by itself once, and again only when it is asked for', () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  offerTour(storage);
  expect(useTour.getState().step).toBe(0);
  endTour(storage);
  offerTour(storage);
  expect(useTour.getState().step).toBeNull();
  takeTour();
  expect(useTour.getState().step).toBe(0);
});
