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
   * Carries a command out, telling its steps as they begin and end. When a step fails, those before it are undone.
   * @throws MechanismError
   */
  apply(command: unknown, planId: string, report: (steps: Step[]) => void): Promise<void>;
}

export class MechanismError extends Error {
  override readonly name = 'MechanismError';
}
