import { create } from 'zustand';

/** The one cursor: now, or a moment that was chosen. Topology, telemetry and decisions show the same moment. */
interface TimeState {
  /** null = live. */
  cursor: number | null;
  /** Id of the decision that was chosen; null follows the newest. */
  decision: string | null;
  rangeMs: number;
  live(): void;
  moveTo(time: number): void;
  select(decision: { id: string; time: number }): void;
}

export const ranges = [
  { label: '5 min', ms: 5 * 60_000 },
  { label: '15 min', ms: 15 * 60_000 },
  { label: '30 min', ms: 30 * 60_000 },
  { label: '2 h', ms: 2 * 3_600_000 },
] as const;

export const useTime = create<TimeState>((set) => ({
  cursor: null,
  decision: null,
  rangeMs: 30 * 60_000,
  live: () => set({ cursor: null, decision: null }),
  moveTo: (time) => set({ cursor: time }),
  select: ({ id, time }) => set({ cursor: time, decision: id }),
}));

/** A picture is never narrower than this: a few seconds of a new testbed would fill it. */
const leastMs = 2 * 60_000;

/** Where a picture of the last `rangeMs` begins: with its first reading when that came later, so that a new testbed does not show an empty half hour. */
export const pictureFrom = (now: number, rangeMs: number, first: number | undefined): number =>
  Math.max(now - rangeMs, Math.min(first ?? now - rangeMs, now - leastMs));
