import type { Testbed } from '../testbed/schema.ts';
import type { Chosen } from './choice.ts';
import type { RunVerb } from './events.ts';
import type { Gate } from './gate.ts';
import type { Leases } from './leases.ts';
import type { Work } from './overhead.ts';
import type { Patience } from './patience.ts';
import type { Phase } from './phase.ts';
import type { Session } from './session.ts';
import type { ObservedPhase } from './steps.ts';
import type { Telling } from './telling.ts';

/** What the parts of one run share. */
export interface RunScope {
  testbed: Testbed;
  verb: RunVerb;
  /** All phases, chosen or not, in order. */
  recipe: readonly Phase[];
  chosen: Chosen;
  session: Session;
  leases: Leases;
  patience: Patience;
  telling: Telling;
  signal: AbortSignal;
  gate: Gate;
  /** What came before the recipe on each host. */
  roots: Map<string, Work & { hostMs: number; after: Work[] }>;
  /** Names of hosts on which the recipe can be carried out. */
  ready: Set<string>;
  /** What was in place when the run began, by host. */
  observed: Map<string, ObservedPhase[]>;
  works: Work[];
  /** What phases have begun with the run, to be closed with it. */
  begun: { close(): void }[];
}
