import { expect, test } from 'vitest';
import { PresenceByLevel } from './presence-by-level.ts';

test('goes by a rule of thumb until readings say otherwise, and is never less sure of who is louder', () => {
  const model = new PresenceByLevel(12);
  for (let i = 0; i < 600; i++) model.hear(i % 10 === 0 ? 60 : 40 + (i % 3));
  expect([40, 46, 52, 70].map((db) => Math.round(10 * model.byThumb(db)) / 10)).toEqual([0, 0.5, 1, 1]);
  // Nobody speaks here: cars are loud, people are not.
  for (let i = 0; i < 500; i++) {
    model.learn(40, false);
    model.learn(45, true);
    if (i % 25 === 0) model.learn(65, false);
  }
  expect(model.samples).toBeGreaterThan(400);
  expect(model.learnt(40)).toBeLessThan(0.05);
  expect(model.learnt(45)).toBeGreaterThan(0.9);
  // Somebody may be there as well: what is seldom heard must not have the camera sleep.
  expect(model.learnt(65)).toBeGreaterThanOrEqual(model.learnt(45));
  const levels = Array.from({ length: 60 }, (_, index) => model.learnt(30 + index));
  expect(levels).toEqual(levels.toSorted((a, b) => a - b));
  const again = new PresenceByLevel(12);
  again.restore(JSON.parse(JSON.stringify(model.state())));
  expect(again.learnt(45)).toBe(model.learnt(45));
  expect(() => again.restore({ weights: [0, 0] })).toThrow();
});
