import type { HostFacts } from '../phases/facts/host-facts.ts';
import type { Host, Testbed } from '../testbed/schema.ts';

export type { HostFacts };

/**
 * One thing to bring about on one host: observe → change → verify, as POSIX shell run as root.
 * All steps of a phase on a host go over in one script on stdin, so that secrets are on no command line.
 */
export interface Step {
  id: string;
  /** Imperative, for the plan: "Install containerd". */
  title: string;
  /** Exit 0 when already in place. Run before `change`, and again after it to verify (unless `verify` is given). Must change nothing. */
  observe: string;
  /** What `observe` and `verify` read as shell variables: a command by variable. Steps of a host that are looked at together and ask the same have it asked once. */
  asks?: Readonly<Record<string, string>>;
  /** Evaluated only when needed, e.g. because it needs a join token made by an earlier phase. */
  change: string | (() => Promise<string>);
  verify?: string;
  /** Files put in place (atomically, with mode) before `change` runs, only when `observe` says no. */
  files?: () => Promise<StepFile[]>;
  /** Its files depend on nothing that a run brings about on the hosts: large ones may be sent while earlier steps run. */
  filesEarly?: boolean;
  timeoutS?: number;
  /** Said when the change fails and stderr matches: the likely cause and what helps. */
  remedies?: { pattern: RegExp; cause?: string; remedy: string }[];
  /** Undo for reset; runs in reverse order and must be harmless when there is nothing to undo. */
  undo?: string;
}

export type StepFile =
  | { path: string; mode: string; content: string | Uint8Array; secret?: boolean }
  /** A large file sent from this computer. */
  | { path: string; mode: string; localPath: string; sha256: string };

/** A phase is an id, a title and, per host, steps. Everything else is optional. */
export interface Phase {
  id: string;
  title: string;
  /** Steps of this phase on that host; an empty list means that the host has no part in it. */
  steps(host: Host, context: RunContext): Step[] | Promise<Step[]>;
  /** Ids of phases (on any host) that must have succeeded on these hosts first; default: the previous phases on the same host. */
  needs?(host: Host, testbed: Testbed): { host: string; phase: string }[];
  /** Its steps are told only after a host was asked: what else there is to look at need not wait for them. */
  tellsLate?: boolean;
  /** Begins, once the hosts have told their facts, what takes time and changes nothing (listening); closed when the run ends. `after` may use it. */
  begin?(context: RunContext): { close(): void };
  /** Runs on this computer once its hosts' steps are done, e.g. to read a kubeconfig or to verify through an API. */
  after?(context: RunContext): Promise<void>;
}

/** What phases share in a run. */
export interface RunContext {
  testbed: Testbed;
  facts: Map<string, HostFacts>;
  /** Runs a script as root on a host and gives its output. @throws Failure on exit ≠ 0. */
  execute(host: string, script: string, options?: { timeoutS?: number; phase?: string; step?: string }): Promise<string>;
  /** Opens a TCP connection from the host's own point of view, e.g. to its API server; resolves to a local port on loopback. */
  forward(host: string, remoteAddress: string, remotePort: number): Promise<{ port: number; close(): void }>;
  warn(text: string, options?: { host?: string; phase?: string; remedy?: string }): void;
  log(phase: string, host: string, text: string): void;
  /** Where secrets and generated files of this testbed are kept on this computer (mode 0700). */
  stateFolder: string;
  /** Whether any step of this run has been more than looked at: what was seen before may hold no more. */
  hasChanged(): boolean;
  signal: AbortSignal;
}
