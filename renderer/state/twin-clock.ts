import { create } from 'zustand';
import type { EventOf } from '../../main/contract/contract.ts';
import { useCurrentTestbed } from './testbeds.ts';
import { useStream } from './use-stream.ts';
import { useNow } from './visible.ts';

export type TwinClock = EventOf<'twins.clock'>;

interface ClockState {
  testbed: string | null;
  clock: TwinClock | null;
  /** When it was told, on this computer's clock. */
  heardAt: number;
}
/** The time of the twin that is shown, while it runs; hosts keep this computer's time. */
export const useTwinClock = create<ClockState>(() => ({ testbed: null, clock: null, heardAt: 0 }));

/** Now, by the clock that the readings and decisions of what is shown are told by, ms since the epoch. */
export function testbedNow({ clock, heardAt }: Pick<ClockState, 'clock' | 'heardAt'> = useTwinClock.getState()): number {
  const now = Date.now();
  if (!clock) return now;
  // Told each second: between, it goes on as fast as it went; a second more at most, should nothing come.
  const since = Math.min(2000, Math.max(0, now - heardAt));
  return clock.time + (clock.paused ? 0 : since * clock.reached);
}

const shownClock = () => testbedNow();
/** The same, renewed every `everyMs` while the document is visible. */
export const useTestbedNow = (everyMs = 1000): number => useNow(everyMs, shownClock);

/** Listens to the time of the twin that is shown. */
export function useTwinTime(): void {
  const testbed = useCurrentTestbed();
  const name = testbed?.kind === 'twin' && testbed.state === 'up' && !testbed.recording ? testbed.name : null;
  useStream(
    'twins.clock',
    name === null ? null : { testbed: name },
    (clock) => useTwinClock.setState({ testbed: name, clock, heardAt: Date.now() }),
    { onEnd: () => useTwinClock.setState({ clock: null }) },
  );
  // Another testbed, or none that runs: this computer's time holds again.
  if (useTwinClock.getState().clock !== null && useTwinClock.getState().testbed !== name)
    queueMicrotask(() => useTwinClock.setState({ testbed: name, clock: null }));
}
