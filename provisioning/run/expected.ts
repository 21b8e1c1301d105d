import type { RunEvent, RunVerb } from './events.ts';
import { journalFile, listJournals, readJournal } from './journal.ts';

/** Runs that are looked at: enough for a median, few enough to be read while a run starts. */
const mostRuns = 8;

/**
 * How long each phase took in earlier runs of this testbed that were done, ms by phase id: the median. Runs that found a phase in place say
 * nothing of what it takes to bring it about, and the other way round: `changed` asks for those that changed something, or for those that did not.
 * Phases of which no journal tells are absent.
 */
export async function expectedDurations(stateFolder: string, verb: RunVerb, changed = true): Promise<Map<string, number>> {
  const took = new Map<string, number[]>();
  let used = 0;
  for (const run of (await listJournals(stateFolder)).reverse()) {
    if (used >= mostRuns) break;
    // One that cannot be read explains nothing; the run does not depend on it.
    const events = await readJournal(journalFile(stateFolder, run)).catch((): RunEvent[] => []);
    if (durationsIn(events, verb, changed, took)) used++;
  }
  return new Map([...took].map(([phase, durations]) => [phase, median(durations)]));
}

function durationsIn(events: readonly RunEvent[], verb: RunVerb, changed: boolean, took: Map<string, number[]>): boolean {
  const started = events.find((event) => event.type === 'started');
  const finished = events.findLast((event) => event.type === 'finished');
  if (started?.verb !== verb || finished?.state !== 'done') return false;
  const inRecipe = new Set(events.flatMap((event) => (event.type === 'step' ? [event.phase] : [])));
  const changing = new Set(events.flatMap((event) => (event.type === 'step' && event.state === 'changed' ? [event.phase] : [])));
  let told = false;
  for (const event of events) {
    if (event.type !== 'phase' || event.state !== 'done' || event.durationMs === undefined) continue;
    if (inRecipe.has(event.phase) && changing.has(event.phase) !== changed) continue;
    took.set(event.phase, [...(took.get(event.phase) ?? []), event.durationMs]);
    told = true;
  }
  return told;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
