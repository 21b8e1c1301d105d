/** A piece of a run: how long its commands took on the host, and what it had to wait for. */
export interface Work {
  hostMs: number;
  after: readonly Work[];
}

/** The longest chain of pieces that had to wait for one another, by the commands' own durations, ms. */
export function criticalPathMs(all: readonly Work[]): number {
  const known = new Map<Work, number>();
  const until = (work: Work): number => {
    const before = known.get(work);
    if (before !== undefined) return before;
    const ms = work.hostMs + Math.max(0, ...work.after.map(until));
    known.set(work, ms);
    return ms;
  };
  return Math.max(0, ...all.map(until));
}

/**
 * What the engine itself cost, ms: wall time less the critical path. On that path count the commands' own durations by the host's clock,
 * what steps had to wait for the bytes of large files, and a phase's `after`, which waits for hosts in its own way.
 */
export const overheadMs = (wallMs: number, all: readonly Work[]): number => Math.max(0, wallMs - criticalPathMs(all));
