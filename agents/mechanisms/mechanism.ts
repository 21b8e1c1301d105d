import type { z } from 'zod';

export type Json = z.infer<ReturnType<typeof z.json>>;

/** One step of applying a command, as a decision's plan shows it. */
export interface Step {
  title: string;
  /** ms since the epoch. */
  at: number;
  /** null while it goes on. */
  durationMs: number | null;
  error?: string;
}

/** A control knob. */
export interface Mechanism {
  readonly name: string;
  /** What is set now, and what can be set, as policies are shown it. */
  state(): Json;
  options(): Json;
  /** What a command would change; two commands that share an entry must not be applied at the same time. @throws z.ZodError */
  touches(command: unknown): string[];
  /**
   * Carries a command out as steps, each with what undoes it. The one who applies it undoes them when one fails: see `applyAll`.
   * @throws MechanismError
   */
  apply(command: unknown, plan: PlanSteps): Promise<void>;
}

/** Where a command's steps are told. */
export interface PlanSteps {
  /** Id of the plan, for what it leaves its mark on (a pod's label). */
  readonly planId: string;
  /** Names this command of the plan; the same when it is carried out again after a restart. */
  readonly commandId: string;
  /** An agent that ended has begun it: what the command asks for may be there already, and then only has to be seen through. */
  readonly resumed: boolean;
  /** Does one step; `undo` takes it back when a later one fails. @throws what `work` throws */
  run(title: string, work: () => Promise<void>, undo?: { title: string; run: () => Promise<void> }): Promise<void>;
  /** From here on a failure of this command leaves what it has done: going back would be worse than going on. */
  keep(): void;
}

export class MechanismError extends Error {
  override readonly name = 'MechanismError';
}
