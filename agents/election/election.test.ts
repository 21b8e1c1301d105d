import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ManualClock } from '../manual-clock.ts';
import { type Election, electLeader } from './elect-leader.ts';
import type { Lease, LeaseStore, StoredLease } from './lease.ts';

/** One lease in memory, as an API with versions keeps it. A double, for this file alone; each candidate has a line to it that can be cut. */
class LeaseDouble {
  current: StoredLease | undefined;
  #version = 0;

  line(clock: ManualClock, state: { cut: boolean; slowMs: number }): LeaseStore {
    const over = async <T>(work: () => T): Promise<T> => {
      if (state.cut) throw new Error('cannot be reached');
      const result = work();
      if (state.slowMs > 0) await new Promise<void>((resolve) => void clock.after(state.slowMs, resolve));
      return result;
    };
    const write = (lease: Lease): StoredLease => {
      this.current = { ...lease, version: String(++this.#version) };
      return this.current;
    };
    return {
      get: () => over(() => this.current),
      create: (lease) => over(() => (this.current ? undefined : write(lease))),
      update: (lease, version) => over(() => (this.current?.version === version ? write(lease) : undefined)),
    };
  }
}

/** What was asked is answered before time goes on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

async function candidates(names: string[]) {
  const clock = new ManualClock();
  const lease = new LeaseDouble();
  const changes: string[] = [];
  const complaints: string[] = [];
  const all = names.map((identity) => {
    const line = { cut: false, slowMs: 0 };
    const start = (): Election =>
      electLeader({
        store: lease.line(clock, line),
        identity,
        clock,
        log: (_level, text) => void complaints.push(`${identity}: ${text}`),
        onStarted: () => changes.push(`+${identity}`),
        onStopped: () => changes.push(`-${identity}`),
      });
    return { line, start, election: start() };
  });
  await settle();
  return { clock, lease, changes, complaints, all };
}

test('one leads; when it dies the next one follows, and says so in the lease', async () => {
  const { clock, lease, changes, all } = await candidates(['a', 'b']);
  await clock.advance(3000);
  expect(changes).toEqual(['+a']);
  expect(lease.current).toMatchObject({ holder: 'a', durationMs: 6000, transitions: 0 });
  // As killed: nothing of it reaches the lease any more.
  all[0]!.line.cut = true;
  await clock.advance(3500);
  expect(all[0]!.election.leading()).toBe(true);
  await clock.advance(1000);
  expect(changes).toEqual(['+a', '-a']);
  await clock.advance(4000);
  expect(changes).toEqual(['+a', '-a', '+b']);
  expect(lease.current).toMatchObject({ holder: 'b', transitions: 1 });
  // Back again, it sees another lead.
  all[0]!.line.cut = false;
  await clock.advance(10_000);
  expect(all.map(({ election }) => election.leader())).toEqual(['b', 'b']);
  expect(changes).toEqual(['+a', '-a', '+b']);
});

test('a lease that is given back is taken at once; one’s own is taken up again without waiting', async () => {
  const { clock, changes, all } = await candidates(['a', 'b']);
  await clock.advance(2000);
  await all[0]!.election.close();
  await clock.advance(2500);
  expect(changes).toEqual(['+a', '-a', '+b']);
  // "b" was killed and comes back under its name before anybody could follow.
  all[1]!.line.cut = true;
  await clock.advance(5000);
  all[1]!.line.cut = false;
  all[1]!.start();
  await settle();
  expect(changes).toEqual(['+a', '-a', '+b', '-b', '+b']);
});

test('whatever lines do, never do two lead at once, and once they hold somebody does', async () => {
  const event = fc.record({
    who: fc.nat(2),
    cut: fc.boolean(),
    slowMs: fc.constantFrom(0, 0, 700, 1500, 5000),
    forMs: fc.integer({ min: 100, max: 9000 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
      const { clock, all } = await candidates(['a', 'b', 'c']);
      const leading = () => all.filter(({ election }) => election.leading()).length;
      for (const { who, cut, slowMs, forMs } of events) {
        Object.assign(all[who]!.line, { cut, slowMs });
        for (let ms = 0; ms < forMs; ms += 250) {
          await clock.advance(250);
          expect(leading()).toBeLessThanOrEqual(1);
        }
      }
      for (const { line } of all) Object.assign(line, { cut: false, slowMs: 0 });
      await clock.advance(15_000);
      expect(leading()).toBe(1);
    }),
    { numRuns: 40 },
  );
});
