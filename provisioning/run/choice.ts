import { connectPhase } from '../phases/connect.ts';
import { factsPhase } from '../phases/facts.ts';
import { preflightPhase } from '../phases/preflight.ts';
import type { Host, Testbed } from '../testbed/schema.ts';
import type { Cell } from './cells.ts';
import type { RunVerb } from './events.ts';
import { Failure } from './failure.ts';
import type { Choice } from './options.ts';
import type { Phase } from './phase.ts';
import type { ObservedPhase } from './steps.ts';

/** What comes before every recipe, and is never left out. */
export const builtInPhases = [connectPhase, factsPhase, preflightPhase].map(({ id, title }) => ({ id, title }));

/** What a run is about. */
export interface Chosen {
  /** In the order of the recipe. */
  phases: readonly Phase[];
  /** Hosts that are changed. */
  hosts: readonly Host[];
  /** The others, which are looked at where the chosen ones may need something of them. */
  others: readonly Host[];
  includes(cell: { phase: Phase; host: Host }): boolean;
}

/** @throws Failure (refused) when a phase or a host is named that there is none of, or nothing is left */
export function choose(testbed: Testbed, phases: readonly Phase[], verb: RunVerb, choice: Choice): Chosen {
  const builtIn = new Set<string>(builtInPhases.map(({ id }) => id));
  const ids = phases.map(({ id }) => id);
  for (const id of choice.skip ?? []) {
    if (builtIn.has(id))
      throw refused(
        `the phase "${id}" cannot be left out`,
        'Checks that you know better are named in preflight.ignore of the testbed',
      );
  }
  for (const id of [...(choice.only ?? []), ...(choice.skip ?? [])])
    if (!builtIn.has(id) && !ids.includes(id)) throw refused(`there is no phase "${id}"`, `Phases: ${ids.join(', ')}`);
  const names = testbed.hosts.map(({ name }) => name);
  for (const name of choice.hosts ?? [])
    if (!names.includes(name)) throw refused(`${testbed.name} has no host "${name}"`, `Hosts: ${names.join(', ')}`);
  const chosenPhases = phases.filter(({ id }) => (choice.only?.includes(id) ?? true) && choice.skip?.includes(id) !== true);
  const isHost = (host: Host) => choice.hosts?.includes(host.name) ?? true;
  const hosts = testbed.hosts.filter(isHost);
  if (hosts.length === 0 && testbed.hosts.length > 0) throw refused('no host is left', `Hosts: ${names.join(', ')}`);
  const all = new Set(chosenPhases);
  return {
    phases: chosenPhases,
    hosts,
    // Taking away asks nobody else: the others may be gone.
    others: verb === 'down' ? [] : testbed.hosts.filter((host) => !isHost(host)),
    includes: ({ phase, host }) => all.has(phase) && isHost(host),
  };
}

const refused = (cause: string, remedy: string): Failure => new Failure({ code: 'refused', cause, remedy });

/**
 * Chosen cells that need what is left out and not in place: a failure for each pair, in the order of the recipe. Steps that are done anew in
 * every run are never in place, and are not asked for.
 */
export function unmetNeeds(
  cells: readonly Cell[],
  chosen: Chosen,
  observed: ReadonlyMap<string, readonly ObservedPhase[]>,
): Failure[] {
  const missing = new Map<Cell, string | null>();
  const missingOf = (cell: Cell): string | null => {
    if (!missing.has(cell)) missing.set(cell, missingIn(observed.get(cell.host.name)?.find(({ phase }) => phase === cell.phase)));
    return missing.get(cell) ?? null;
  };
  return cells
    .filter((cell) => chosen.includes(cell))
    .flatMap((cell) =>
      cell.needs.flatMap((need) => {
        if (chosen.includes(need)) return [];
        const what = missingOf(need);
        if (what === null) return [];
        const where = need.host === cell.host ? '' : ` on ${need.host.name}`;
        return new Failure({
          code: 'refused',
          host: cell.host.name,
          phase: cell.phase.id,
          cause: `it needs the phase ${need.phase.id}${where}, which is left out and not in place (${what})`,
          remedy: `Carry out ${need.phase.id}${where} too, or first`,
        });
      }),
    );
}

/** What of a phase is not in place; null when all is. */
function missingIn(observed: ObservedPhase | undefined): string | null {
  if (observed === undefined) return 'the host could not be looked at';
  if (observed.steps === null) return 'what it would do cannot be told yet';
  const steps = observed.steps.filter((step) => step.observe.trim() !== 'false' && observed.inPlace.get(step.id) !== true);
  return steps.length === 0 ? null : steps.map((step) => step.title).join(', ');
}
