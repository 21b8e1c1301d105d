import type { Subscription } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import { type Mechanism, MechanismError, type PlanSteps, type Step } from './mechanism.ts';

/** A command and the mechanism that it is for. */
export interface Application {
  mechanism: Mechanism;
  command: unknown;
}

export interface PlanOptions {
  planId: string;
  clock: Clock;
  report: (steps: Step[]) => void;
  /** It was begun before, by an agent that ended: some of it may be done. */
  resumed?: boolean;
  /** Asked before each step; once it says no, nothing more is done, nor undone: somebody else goes on with the plan. */
  mayAct?: () => boolean;
}

/** Thrown in the middle of a plan by who may not go on with it. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
}

/** What was carried out, and may still be taken back as a whole. */
export interface Applied {
  /** Undoes all steps in reverse. @throws MechanismError that names those that could not be undone */
  undo(): Promise<void>;
}

/**
 * Carries out all commands of a plan in their order, or none: when a step fails, what was done before it is undone in reverse, of the
 * commands before as well, unless the failing command has said that what it did is kept.
 * @throws what the failing step threw, once all is undone; Superseded when it may not go on, with all left as it is
 */
export async function applyAll(applications: Application[], options: PlanOptions): Promise<Applied> {
  const { planId, resumed = false, mayAct = () => true } = options;
  const runner = new StepRunner(options.clock, options.report, mayAct);
  for (const [index, { mechanism, command }] of applications.entries()) {
    let keeps = false;
    const plan: PlanSteps = {
      planId,
      commandId: `${planId}/${index}`,
      resumed,
      run: (title, work, undo) => runner.run(title, work, undo),
      keep: () => {
        keeps = true;
      },
    };
    try {
      await mechanism.apply(command, plan);
    } catch (error) {
      // What went wrong first is what the plan failed of; an undo that fails stands among its steps.
      if (!keeps && !(error instanceof Superseded)) await runner.undo().catch(() => {});
      throw error;
    }
  }
  return { undo: () => runner.undo() };
}

/** Runs steps one after the other, times them, and keeps what undoes them. */
class StepRunner {
  readonly #clock: Clock;
  readonly #report: (steps: Step[]) => void;
  readonly #mayAct: () => boolean;
  readonly #undo: { title: string; run: () => Promise<void> }[] = [];
  #steps: Step[] = [];

  constructor(clock: Clock, report: (steps: Step[]) => void, mayAct: () => boolean) {
    this.#clock = clock;
    this.#report = report;
    this.#mayAct = mayAct;
  }

  async run(title: string, work: () => Promise<void>, undo?: { title: string; run: () => Promise<void> }): Promise<void> {
    await this.#timed(title, work);
    if (undo) this.#undo.push(undo);
  }

  async undo(): Promise<void> {
    const failed: string[] = [];
    for (const undo of this.#undo.splice(0).reverse()) {
      // An undo that fails is told as a failed step; those left are still tried.
      await this.#timed(undo.title, undo.run).catch((error: unknown) => {
        failed.push(`${undo.title}: ${error instanceof Error ? error.message : String(error)}`);
      });
    }
    if (failed.length > 0) throw new MechanismError(`could not be undone: ${failed.join('; ')}`);
  }

  async #timed(title: string, work: () => Promise<void>): Promise<void> {
    if (!this.#mayAct()) throw new Superseded(`not for this agent to do any more: ${title}`);
    const at = this.#clock.now();
    const index = this.#steps.push({ title, at, durationMs: null }) - 1;
    this.#tell();
    let error: string | undefined;
    try {
      await work();
    } catch (thrown) {
      error = thrown instanceof Error ? thrown.message : String(thrown);
      throw thrown;
    } finally {
      this.#steps = this.#steps.with(index, {
        title,
        at,
        durationMs: this.#clock.now() - at,
        ...(error !== undefined && { error }),
      });
      this.#tell();
    }
  }

  #tell(): void {
    this.#report([...this.#steps]);
  }
}

/**
 * Resolves once `isTrue`, asked now and after each change. `failed` may give a reason to stop waiting early.
 * @throws MechanismError after `timeoutMs` of the clock.
 */
export function waitUntil(options: {
  what: string;
  isTrue: () => boolean;
  failed?: () => string | undefined;
  onChange: (listener: () => void) => Subscription;
  clock: Clock;
  timeoutMs: number;
}): Promise<void> {
  return new Promise((resolve, reject) => {
    let subscription: Subscription | undefined;
    let timer: { close(): void } | undefined;
    const settle = (finish: () => void): void => {
      subscription?.close();
      timer?.close();
      finish();
    };
    const look = (): boolean => {
      if (options.isTrue()) {
        settle(resolve);
        return true;
      }
      const reason = options.failed?.();
      if (reason === undefined) return false;
      settle(() => reject(new MechanismError(`${options.what}: ${reason}`)));
      return true;
    };
    if (look()) return;
    subscription = options.onChange(look);
    timer = options.clock.after(options.timeoutMs, () =>
      settle(() => reject(new MechanismError(`${options.what}: not within ${options.timeoutMs / 1000} s`))),
    );
  });
}
