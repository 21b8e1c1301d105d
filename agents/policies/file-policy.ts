import type { Policy, PolicyInput } from './policy.ts';

/** The last thing that went wrong with a policy, and how often since it last worked. */
export interface PolicyFailure {
  /** ms since the epoch. */
  at: number;
  text: string;
  count: number;
}

/** A policy that is a file: it runs in a process of its own beside the loop, and what it answered is what its `analyze` and `plan` give. */
export interface FilePolicy<View> extends Policy<View> {
  readonly kind: 'typescript' | 'python';
  /** One sentence for people; '' where the file does not say. */
  readonly summary: string;
  /** null while it works. */
  readonly failure: PolicyFailure | null;
  /** Asks the file at once, whatever its interval; `analyze` and `plan` give its answer then. @throws Error that says what is wrong with it */
  askNow(input: PolicyInput<View>): Promise<void>;
  close(): void;
}

/** How long a policy that has failed so often in a row is left alone, ms: a process that hangs costs a core while it is waited for. */
export const restMs = (failures: number): number => Math.min(1000 * 2 ** Math.min(failures, 6), 60_000);
