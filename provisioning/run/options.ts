import type { SshOptions } from '../ssh/connection.ts';
import type { Testbed } from '../testbed/schema.ts';
import type { PlanValue, RunEvent, RunVerb } from './events.ts';
import type { Gate } from './gate.ts';
import type { Journal } from './journal.ts';
import type { Phase } from './phase.ts';

/** Which part of a recipe, on which hosts. Absent: all. */
export interface Choice {
  /** Ids of the only phases that are carried out. What they need must be in place. */
  only?: readonly string[];
  /** Ids of phases that are left out; the others find what these would have done in place, or fail. */
  skip?: readonly string[];
  /** Names of the only hosts that are changed. Hosts that these need are looked at, not changed; for "down" nobody else is contacted. */
  hosts?: readonly string[];
}

/** Who a run works for. */
export interface LeaseOptions {
  /**
   * Who holds the hosts while the run lives, e.g. "alice@laptop (core 3f2a…)". One owner has one run at a time: what an earlier run of the same
   * owner has left is taken over at once.
   */
  owner: string;
  /** Takes hosts over from a run of somebody else, whose next step then fails. */
  takeOver?: boolean;
}

export interface RunOptions extends Choice {
  testbed: Testbed;
  /** The recipe. Connect, facts and preflight come before it by themselves. */
  phases: readonly Phase[];
  verb: RunVerb;
  ssh: SshOptions;
  /** This testbed's folder on this computer (0700): journals in runs/, and what phases keep. */
  stateFolder: string;
  /** Refuse (failure "drift") when what is found differs from what the plan was made of. */
  plan?: PlanValue;
  /** Default: this user on this computer with this state folder. */
  lease?: LeaseOptions;
  /** How long a host that went away is waited for, ms; default 10 minutes. */
  patienceMs?: number;
  /** Default: a new file in the state folder. */
  journal?: Journal;
  onEvent?: (event: RunEvent) => void;
  signal?: AbortSignal;
  /** While it is closed, no phase is begun on any host. */
  gate?: Gate;
  /** Names of doubles that stand in for real programs. */
  doubles?: readonly string[];
  /** Id of the run; default: from the time. */
  run?: string;
  /** ms since the epoch */
  now?: () => number;
}

export interface PlanOptions extends Choice {
  testbed: Testbed;
  phases: readonly Phase[];
  /** Default: up. */
  verb?: RunVerb;
  ssh: SshOptions;
  /** This testbed's folder on this computer. */
  stateFolder: string;
  signal?: AbortSignal;
  now?: () => number;
  /** A host that cannot be looked at is one of the plan's checks, an error with the failure's code as its id; default: it is a failure. */
  goOn?: boolean;
}
