import type { z } from 'zod';
import type { Sample } from '../bus/messages.ts';
import type { Expression } from '../decision/expression.ts';
import type { Action, DecisionRecord, MechanismCommand, Outcome, Premise } from '../decision/record.ts';
import type { LearntModel } from '../learning/learnt-model.ts';
import type { Json } from '../mechanisms/mechanism.ts';
import type { SeriesQuery, SlidingWindow } from '../telemetry/window.ts';

/** What a policy sees. `view` is the situation of the agent's layer: see situation.ts. */
export interface PolicyInput<View> {
  /** ms since the epoch. */
  now: number;
  agent: string;
  view: View;
  window: SlidingWindow;
}

/** Something that calls for a decision: it is wrong, or close to it. */
export interface Trigger {
  kind: string;
  /** For people: "latency of classifier has been over 50 ms for 3 s". */
  text: string;
  application?: string;
  component?: string;
}

/** What was asked of somebody else about a node: readings of it. */
export interface Foreseen {
  node: string;
  samples: Sample[];
}

/** A candidate before it is scored: its terms are expressions over the premises. */
export interface Option {
  id: string;
  label: string;
  action: Action;
  rejected?: { rule: string; reason: string };
  predicted: (Omit<Outcome, 'value' | 'expression'> & { expression: Expression })[];
  terms: { name: string; expression: Expression }[];
}

/** Everything a decision is made of. The loop scores, chooses, records and carries out. */
export interface Proposal {
  premises: Premise[];
  options: Option[];
  /**
   * Feasible options that were weighed like these and have lower scores than all of them (but for staying): at least as many as a record holds are here.
   * Absent when all are here.
   */
  unwritten?: number;
  /** Id of the option that changes nothing. */
  stay: string;
  neededMargin: number;
  coolDownS: number;
  horizonS: number;
  /** What an option that is a change takes: all of these commands, in this order, or none. */
  commands(option: Option): MechanismCommand[];
  /** Where a premise can be read again once the horizon is over. */
  readings: Record<string, SeriesQuery>;
  /** Whether choosing this option is trying something out rather than taking what is expected to be best. */
  explores?(id: string): boolean;
  /** The metric that tells how it turned out, and the term of the score that rests on it as an expression over premise "actual". */
  outcome?: { metric: string; unit: string; query: SeriesQuery; term: { name: string; expression: Expression } };
}

/**
 * A policy: `analyze` says what calls for a decision, `plan` what could be done about it. Both are pure in what they are given, but for
 * what `learn` has taught the policy.
 */
export interface Policy<View> {
  readonly name: string;
  readonly version: string;
  learn?(input: PolicyInput<View>): void;
  /** Readings of its own making (a prediction), told with the telemetry of the node; asked of the policies of node agents. */
  derive?(input: PolicyInput<View>): Sample[];
  /**
   * Asks somebody outside of the loop (a model, say). It is called once a second, beside the loop and never twice at once; what it gives comes into the
   * agent's window as readings of nodes. For policies of cluster agents. @throws Error that says why nothing was foreseen
   */
  foresee?(input: PolicyInput<View>): Promise<Foreseen[]>;
  analyze(input: PolicyInput<View>): Trigger[];
  /** undefined when there is nothing to decide after all. */
  plan(input: PolicyInput<View>, trigger: Trigger): Proposal | undefined;
  /** What came of a decision of this policy's: its record with the actual outcome. */
  judged?(record: DecisionRecord): void;
  /** What it has learnt to predict, for people. */
  models?(): LearntModel[];
  /** What was learnt, to survive a restart. */
  state?(): Json;
  restore?(state: Json): void;
  /** It decides no more: ends what it has started. */
  close?(): void;
}

/** A policy by its name, made from settings. @throws z.ZodError when they do not fit. */
export interface PolicyFactory<View> {
  name: string;
  /** What it does, in one sentence for people. */
  summary: string;
  settings: z.ZodType;
  create(settings: unknown): Policy<View>;
  /** Whether settings that fit can be followed here and now, where that takes time to find out. @throws Error that says why not */
  check?(settings: unknown): Promise<void>;
}

/** Policies named in an agent's config with their settings; without any, all of the layer as they are. @throws Error on an unknown name. */
export function createPolicies<View>(
  factories: PolicyFactory<View>[],
  configured: Record<string, Record<string, Json>> | undefined,
): Policy<View>[] {
  if (!configured) return factories.map((factory) => factory.create({}));
  return Object.entries(configured).map(([name, settings]) => {
    const factory = factories.find((candidate) => candidate.name === name);
    if (!factory) throw new Error(`unknown policy "${name}"; known: ${factories.map((known) => known.name).join(', ')}`);
    return factory.create(settings);
  });
}
