import { expect, test } from 'vitest';
import type { DecisionRecord } from '../state/types.ts';
import { decisionToShow } from './tour.tsx';

/** The parts of a record that the tour looks at. */
const decided = (time: number, kind: 'move' | 'deploy'): DecisionRecord =>
  ({ id: `${kind} ${time}`, time, choice: 'it', stay: 'stay', candidates: [{ id: 'it', action: { kind } }] }) as DecisionRecord;

test('the tour waits for a relocation while a testbed is young, and then takes any act', () => {
  const placed = decided(1000, 'deploy');
  expect(decisionToShow([placed], 5000)).toBe(null);
  expect(decisionToShow([placed], 60_000)).toBe(placed);
  const moved = decided(9000, 'move');
  expect(decisionToShow([decided(12_000, 'deploy'), moved, placed], 13_000)).toBe(moved);
});
