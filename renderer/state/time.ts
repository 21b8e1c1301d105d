import { create } from 'zustand';
import { texts } from '../texts/texts.ts';

const words = texts.state;

/** The one cursor: now, or a moment that was chosen. Topology, telemetry and decisions show the same moment. */
interface TimeState {
  /** null = live. */
  cursor: number | null;
  /** Id of the decision that was chosen; null follows the cursor. */
  decision: string | null;
  /** How long the time line and the charts are while they follow. */
  rangeMs: number;
  /** A part of the past that they show instead, ms since the epoch. */
  window: readonly [number, number] | null;
  /** How many times faster than it was the cursor runs; null while it rests. */
  playing: number | null;
  live(): void;
  moveTo(time: number): void;
  select(decision: { id: string; time: number }): void;
  show(window: readonly [number, number] | null): void;
  setRange(rangeMs: number): void;
  play(speed: number | null): void;
}

/** Everything that is kept. */
export const wholeMs = Number.MAX_SAFE_INTEGER;
export const ranges = [
  { label: words.n5Min, ms: 5 * 60_000 },
  { label: words.n15Min, ms: 15 * 60_000 },
  { label: words.n30Min, ms: 30 * 60_000 },
  { label: '2 h', ms: 2 * 3_600_000 },
  { label: '24 h', ms: 24 * 3_600_000 },
  { label: words.all, ms: wholeMs },
] as const;

const atFirst = { cursor: null, decision: null, window: null, playing: null };

export const useTime = create<TimeState>((set, get) => ({
  ...atFirst,
  rangeMs: 30 * 60_000,
  live: () => set(atFirst),
  moveTo: (time) => set({ cursor: time, decision: null, window: windowWith(get().window, time) }),
  select: ({ id, time }) => set({ cursor: time, decision: id, playing: null, window: windowWith(get().window, time) }),
  show: (window) => set({ window }),
  setRange: (rangeMs) => set({ rangeMs, window: null }),
  play: (playing) => set({ playing }),
}));

/** For another testbed: its last moment. */
export const resetTime = (): void => useTime.setState(atFirst);

/** A window that was chosen moves along with a cursor that leaves it. */
function windowWith(window: readonly [number, number] | null, time: number): readonly [number, number] | null {
  if (!window || (time >= window[0] && time <= window[1])) return window;
  const length = window[1] - window[0];
  const from = time < window[0] ? time - length * 0.1 : time - length * 0.9;
  return [from, from + length];
}

/** A picture is never narrower than this: a few seconds of a new testbed would fill it. */
const leastMs = 2 * 60_000;

/** Where a picture of the last `rangeMs` begins: with its first reading when that came later, so that a new testbed does not show an empty half hour. */
export const pictureFrom = (now: number, rangeMs: number, first: number | undefined): number =>
  Math.max(now - rangeMs, Math.min(first ?? now - rangeMs, now - leastMs));

export interface Shown {
  from: number;
  to: number;
  /** New readings come in at its end. */
  follows: boolean;
  /** The cursor lies before what it would show by itself: this is a piece around the cursor. */
  away: boolean;
}

/**
 * What the time line and the charts show.
 * @param end now, while the testbed lives; else the last moment that is kept
 * @param first the first moment of which anything is known
 */
export function shownTime(
  state: Pick<TimeState, 'cursor' | 'rangeMs' | 'window'>,
  { end, first, living }: { end: number; first: number | undefined; living: boolean },
): Shown {
  const { window, cursor, rangeMs } = state;
  if (window) return { from: window[0], to: window[1], follows: living && window[1] >= end, away: false };
  const from = pictureFrom(end, rangeMs, first);
  if (cursor === null || cursor >= from) return { from, to: end, follows: living, away: false };
  // Far back: as long a piece of the past, with the cursor near its end.
  const length = end - from;
  const start = Math.max(first ?? cursor, cursor - length * 0.8);
  return { from: Math.min(start, cursor), to: Math.min(start, cursor) + length, follows: false, away: true };
}
