import { useEffect, useRef } from 'react';
import { currentClient, useConnection } from './connection.ts';
import { useCurrentTestbed } from './testbeds.ts';
import { pictureFrom, type Shown, shownTime, useTime } from './time.ts';
import { testbedNow, useTestbedNow } from './twin-clock.ts';
import type { TestbedSummary, Topology } from './types.ts';
import { useNow } from './visible.ts';
import { useWorld } from './world.ts';

/** New things may come from it: it is up, or on its way. */
export const isLiving = (testbed: TestbedSummary | null): boolean =>
  testbed !== null && testbed.state !== 'new' && testbed.state !== 'down';

/** The moment of the past that is shown; null for now. What lives no more is shown as it stood last. */
export function useMomentTime(): number | null {
  const cursor = useTime((state) => state.cursor);
  const living = isLiving(useCurrentTestbed());
  const last = useWorld((state) => state.span?.to ?? null);
  return cursor ?? (living ? null : last);
}

/** How the testbed stands at the cursor: now, or as it was kept. */
export function useTopology(): Topology | null {
  const past = useMomentTime() !== null;
  const { topology, moment } = useWorld();
  // Until the first picture of the past is there, that of now stays rather than nothing.
  return past ? (moment ? moment.topology : topology) : topology;
}

/** For who does not draw: as seldom as may be. */
export const coarse = 100;

/** A window far back is kept as it was first shown: the ground does not move under the pointer. */
export function useKeptWindow(): void {
  const { from, to, away } = useShownTime(coarse);
  useEffect(() => {
    if (away) useTime.getState().show([from, to]);
  }, [away, from, to]);
}

/** How often a picture of so many ms, so many columns wide, is worth drawing anew, ms: when it has moved on by a column, from a second to five. */
export const drawnEvery = (shownMs: number, columns: number): number =>
  1000 * Math.min(5, Math.max(1, Math.floor(shownMs / columns / 1000)));

/** What the time line and the charts, of so many `columns`, show; renewed while it follows. */
export function useShownTime(columns: number): Shown & { end: number } {
  const testbed = useCurrentTestbed();
  const living = isLiving(testbed);
  const { cursor, rangeMs, window } = useTime();
  const span = useWorld((state) => state.span);
  const oldest = useWorld((state) => state.decisions.at(-1)?.time);
  const first = span?.from ?? oldest;
  const known = first === undefined ? 0 : testbedNow() - first;
  const now = useTestbedNow(drawnEvery(Math.min(rangeMs, Math.max(0, known)), columns));
  const end = living ? now : (span?.to ?? now);
  return { ...shownTime({ cursor, rangeMs, window }, { end, first, living }), end };
}

/** Past pieces of this length are asked for as a whole, so that a cursor on its way does not ask at each step. */
const pieceMs = 5 * 60_000;

/** The `rangeMs` before the cursor, or before now: what to draw, and what to ask for. */
export function useBeforeCursor(rangeMs: number): { from: number; to: number; asked: Pick<Shown, 'from' | 'to' | 'follows'> } {
  const cursor = useMomentTime();
  const now = useTestbedNow(2000);
  const to = cursor ?? now;
  const first = useWorld((state) => state.span?.from);
  const piece = Math.floor(to / pieceMs) * pieceMs;
  const asked =
    cursor === null ? { from: to - rangeMs, to, follows: true } : { from: piece - rangeMs, to: piece + pieceMs, follows: false };
  return { from: pictureFrom(to, rangeMs, first), to, asked };
}

/** How long ago an agent was heard at the moment that is shown, ms; null when that is not kept. The two clocks need not agree. */
export function useHeartbeatAge(topology: Topology, lastHeartbeat: number | null): number | null {
  const now = useNow(1000);
  const receivedAt = useWorld((state) => state.receivedAt);
  const past = useMomentTime() !== null;
  if (lastHeartbeat === null) return null;
  return topology.time - lastHeartbeat + (past ? 0 : Math.max(0, now - receivedAt));
}

/** Fetches the picture of the cursor's moment: one question at a time, the last wish wins. */
export function useMoment(testbed: string | null): void {
  const cursor = useMomentTime();
  const { client, state } = useConnection();
  const asking = useRef(false);
  const wanted = useRef<{ testbed: string; time: number } | null>(null);

  useEffect(() => {
    wanted.current = testbed !== null && cursor !== null ? { testbed, time: cursor } : null;
    if (!wanted.current) {
      useWorld.setState({ moment: null });
      return;
    }
    if (asking.current || !client || state !== 'connected') return;
    const ask = async () => {
      asking.current = true;
      try {
        for (let wish = wanted.current; wish; wish = wanted.current === wish ? null : wanted.current) {
          const answer = await currentClient().call('topology.at', wish);
          if (wanted.current?.testbed === wish.testbed)
            useWorld.setState({ moment: { ...answer, time: wish.time, error: null } });
        }
      } catch (error) {
        const said = error instanceof Error ? error.message : String(error);
        useWorld.setState({ moment: { topology: null, heardUntil: null, time: cursor ?? 0, error: said } });
      } finally {
        asking.current = false;
      }
    };
    void ask();
  }, [testbed, cursor, client, state]);
}

/** From when to when anything of a testbed is known; asked again when it comes or goes. */
export function useSpan(testbed: TestbedSummary | null): void {
  const { client, state } = useConnection();
  const name = testbed?.name ?? null;
  const how = testbed?.state;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a testbed that went down has an end now
  useEffect(() => {
    if (name === null || !client || state !== 'connected') return;
    let wanted = true;
    client.call('topology.span', { testbed: name }).then(
      (span) => {
        if (wanted && useWorld.getState().testbed === name) useWorld.setState({ span });
      },
      // A store that cannot be read is told of by the pages that read it.
      () => wanted && useWorld.setState({ span: null }),
    );
    return () => {
      wanted = false;
    };
  }, [name, how, client, state]);
}

/** Runs the cursor along while it plays; at its end it is live again, or rests. */
export function usePlaying(): void {
  const speed = useTime((state) => state.playing);
  const testbed = useCurrentTestbed();
  const living = isLiving(testbed);
  useEffect(() => {
    if (speed === null) return;
    let last = performance.now();
    const timer = setInterval(() => {
      const at = performance.now();
      const { cursor, live, moveTo, play } = useTime.getState();
      const end = living ? testbedNow() : (useWorld.getState().span?.to ?? Date.now());
      const next = (cursor ?? end) + (at - last) * speed;
      last = at;
      if (next < end) moveTo(next);
      else if (living) live();
      else {
        moveTo(end);
        play(null);
      }
    }, 200);
    return () => clearInterval(timer);
  }, [speed, living]);
}
