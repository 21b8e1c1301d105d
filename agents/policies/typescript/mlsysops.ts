/**
 * What a policy file in TypeScript may import from 'mlsysops': the types of what it is shown and answers, and words for scores. It is read as text into
 * the process that runs the file (see policy-child.ts), and imports nothing.
 */

/** Arithmetic over premises, as data: the agent re-scores and explains a decision from it, without the file. */
export type Expression =
  | { op: 'const'; value: number }
  | { op: 'premise'; id: string }
  | { op: 'add' | 'mul' | 'min' | 'max'; args: Expression[] }
  | { op: 'sub' | 'div'; args: [Expression, Expression] };
type Term = Expression | number;

const lift = (value: Term): Expression => (typeof value === 'number' ? { op: 'const', value } : value);
export const sum = (...of: Term[]): Expression => ({ op: 'add', args: of.map(lift) });
export const times = (...of: Term[]): Expression => ({ op: 'mul', args: of.map(lift) });
export const minus = (from: Term, what: Term): Expression => ({ op: 'sub', args: [lift(from), lift(what)] });
export const over = (what: Term, by: Term): Expression => ({ op: 'div', args: [lift(what), lift(by)] });
export const least = (...of: Term[]): Expression => ({ op: 'min', args: of.map(lift) });
export const most = (...of: Term[]): Expression => ({ op: 'max', args: of.map(lift) });

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Action =
  | { kind: 'stay'; component?: string; host?: string }
  | { kind: 'deploy'; component: string; host: string }
  | { kind: 'move'; component: string; from: string; to: string }
  | { kind: 'remove'; component: string; host: string }
  | { kind: 'placeOnCluster'; component: string; cluster: string }
  | { kind: 'command'; mechanism: string; command: Json };

/** Changes nothing: every decision is held against it. */
export const stay = (component?: string, host?: string | null): Action => ({
  kind: 'stay',
  ...(component !== undefined && { component }),
  ...(typeof host === 'string' && { host }),
});
export const deploy = (component: string, host: string): Action => ({ kind: 'deploy', component, host });
export const move = (component: string, from: string, to: string): Action => ({ kind: 'move', component, from, to });
/** Any other mechanism of the agent, with its command: `view.mechanisms` has their states and options. */
export const command = (mechanism: string, told: Json): Action => ({ kind: 'command', mechanism, command: told });

/** Which series: a metric, and where it is from. What is left out matches anything. */
export interface SeriesQuery {
  metric: string;
  node?: string;
  application?: string;
  component?: string;
}
export interface Reading {
  /** ms since the epoch. */
  time: number;
  value: number;
  node: string;
  application: string;
  component: string;
}

/** What a policy is shown. Only metrics that it asks for in `metrics` are there, over `lookBackS`. */
export interface Shown<View, Settings> {
  /** ms since the epoch. */
  now: number;
  agent: string;
  view: View;
  settings: Settings;
  /** Newest reading of each series that matches, newest first. */
  latest(query: SeriesQuery): Reading[];
  /** All that match, oldest first. */
  points(query: SeriesQuery, sinceMs?: number): { time: number; value: number }[];
  /** Median over what is shown, or since a time; undefined where nothing was told. */
  usual(query: SeriesQuery, sinceMs?: number): number | undefined;
}

/** For `plan`: what a score rests on must be a premise, so that the decision can be explained. */
export interface Premises {
  /** A reading as a premise; undefined where nothing was told. `range` is what a what-if may try. */
  reading(name: string, query: SeriesQuery, range?: [number, number]): Expression | undefined;
  /** Anything else that is known, and where from. */
  fact(name: string, value: number, unit: string, source: string): Expression;
}

export interface Trigger {
  kind: string;
  /** For people: "load of worker-1 has been over 80 % for 10 s". */
  text: string;
  application?: string;
  component?: string;
}

export interface Candidate {
  action: Action;
  /** For people; made from the action where it is left out. */
  label?: string;
  /** Summed, they are the score; more is better. */
  terms: Record<string, Term>;
  /** Ruled out by the policy itself. The agent rules out besides what its application or the state of a node forbids. */
  rejected?: { rule: string; reason: string };
  predicted?: { metric: string; unit: string; value: Term; deviation?: number }[];
}

export interface Plan {
  /** One of them must be a `stay`. */
  candidates: Candidate[];
  /** What a change must win by; 0 where it is left out. */
  margin?: number;
  /** s after a change in which the same thing is not changed again; 60 where it is left out. */
  coolDownS?: number;
  /** s after which the outcome is taken; 30 where it is left out. */
  horizonS?: number;
  /** What tells how it turned out, and the term of the score that rests on it, given what was measured. */
  outcome?: { query: SeriesQuery; unit: string; term: string; score: (actual: Expression) => Expression };
}

export interface PolicyFile<View, Settings = Record<string, Json>> {
  layer: 'continuum' | 'cluster' | 'node';
  /** One sentence for people. */
  summary?: string;
  /** Metrics that it is shown. */
  metrics?: string[];
  /** How far back, s; at most 600. 60 where it is left out. */
  lookBackS?: number;
  /** How often it is asked, s; 1 where it is left out. */
  everyS?: number;
  settings?: Settings;
  /** What calls for a decision now. */
  analyze(shown: Shown<View, Settings>): Trigger[];
  /** What could be done about it; undefined when there is nothing to decide after all. */
  plan(shown: Shown<View, Settings> & Premises, trigger: Trigger): Plan | undefined;
  /** What it has learnt, to be given back when it starts again. */
  state?(): Json;
  restore?(state: Json): void;
}

export interface MechanismView {
  state: Json;
  options: Json;
}
export interface NodeView {
  name: string;
  ready: boolean;
  unschedulable: boolean;
  labels: Record<string, string>;
  taints: { key: string; value: string; effect: string }[];
  cores: number;
  memoryBytes: number;
  /** null until its agent was heard. */
  heartbeat: { lastAt: number; alive: boolean } | null;
  /** Highest of its processor; null when it does not tell. */
  frequencyGHz: number | null;
  trustLevel?: number;
  suspect?: string;
  mechanisms?: Record<string, MechanismView>;
}
export interface ComponentView {
  application: string;
  component: string;
  /** Node that it is pinned to. */
  pin: string | null;
  replicas?: number;
  pods: { name: string; node: string | null; ready: boolean; phase: string; leaving: boolean }[];
}
/** An MLSysOpsApp, as its author wrote it. */
export interface Application {
  uid: string;
  description: {
    name: string;
    permitted_actions?: string[];
    components: { metadata: { name: string }; [key: string]: unknown }[];
  };
  clusters?: string[];
}
export interface ClusterView {
  cluster: string;
  nodes: NodeView[];
  applications: Application[];
  components: ComponentView[];
  mechanisms: Record<string, MechanismView>;
  /** 0: heuristics. 1: learnt models. */
  mode: 0 | 1;
}
export interface HostView {
  node: string;
  cluster: string;
  components: { application: string; component: string; podUid: string }[];
  mechanisms: Record<string, MechanismView>;
  mode: 0 | 1;
}
export interface ContinuumView {
  members: { name: string; ready: boolean; reason?: string; agentAlive: boolean | null }[];
  applications: Application[];
  mechanisms: Record<string, MechanismView>;
  mode: 0 | 1;
}

// biome-ignore lint/suspicious/noExplicitAny: settings are whatever its author gives; each use has its own type
type Any = any;
export type ClusterPolicy<Settings = Any> = PolicyFile<ClusterView, Settings> & { layer: 'cluster' };
export type NodePolicy<Settings = Any> = PolicyFile<HostView, Settings> & { layer: 'node' };
export type ContinuumPolicy<Settings = Any> = PolicyFile<ContinuumView, Settings> & { layer: 'continuum' };
