import { create } from 'zustand';
import { resetTime } from './time.ts';
import type { DecisionRecord, Topology } from './types.ts';

/** What the current testbed looks like now; emptied when another testbed is chosen. */
interface World {
  testbed: string | null;
  topology: Topology | null;
  /** When the last picture came, on this computer's clock. */
  receivedAt: number;
  /** Why there is no picture, when the core said so. */
  topologyError: string | null;
  /** Newest first, one entry a decision, its highest revision. */
  decisions: DecisionRecord[];
  decisionsLoaded: boolean;
  /** Every decision down to this time is loaded, ms since the epoch; null while none is, or all are. */
  loadedFrom: number | null;
  /** From the first to the last of what is kept. */
  span: { from: number; to: number } | null;
  /** How it stood at the time cursor; null while that is live, or until the first answer. */
  moment: { time: number; topology: Topology | null; heardUntil: number | null; error: string | null } | null;
}

const empty = {
  topology: null,
  receivedAt: 0,
  topologyError: null,
  decisions: [],
  decisionsLoaded: false,
  loadedFrom: null,
  span: null,
  moment: null,
};
export const useWorld = create<World>(() => ({ testbed: null, ...empty }));

export function resetWorld(testbed: string | null): void {
  if (useWorld.getState().testbed === testbed) return;
  useWorld.setState({ testbed, ...empty });
  resetTime();
}

/** How many decisions are kept in the window; older ones are a page of the list away. */
const keptDecisions = 10_000;

/** Merges records into a list that is newest first; a higher revision replaces a lower one, never the other way round. */
export function mergeDecisions(known: readonly DecisionRecord[], incoming: readonly DecisionRecord[]): DecisionRecord[] {
  const byId = new Map(known.map((record) => [record.id, record]));
  for (const record of incoming) {
    const old = byId.get(record.id);
    if (!old || record.revision >= old.revision) byId.set(record.id, record);
  }
  return [...byId.values()].sort((a, b) => b.time - a.time || (a.id < b.id ? 1 : -1)).slice(0, keptDecisions);
}
