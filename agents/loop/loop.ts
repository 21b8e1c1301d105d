import type { Clock } from '../clock.ts';
import type { Log } from '../config.ts';
import type { DecisionRecord, MechanismCommand, Plan } from '../decision/record.ts';
import type { Mechanism, Step } from '../mechanisms/mechanism.ts';
import { applyAll } from '../mechanisms/steps.ts';
import type { Policy } from '../policies/policy.ts';
import type { SlidingWindow } from '../telemetry/window.ts';
import { type Begun, Decider, type DeciderState, type Ticked } from './decider.ts';
import type { StateStore } from './state.ts';

/** Above any number of revisions that one plan has. */
const interruptedRevisions = 1000;
/** What policies learnt is saved this often, besides with each decision. */
const saveMs = 30_000;

export interface LoopOptions<View> {
  agent: DecisionRecord['agent'];
  policies: readonly Policy<View>[];
  mechanisms: Mechanism[];
  view: () => View;
  /** The view as it will be once these commands are done, as far as that can be known. */
  expecting?: (view: View, commands: readonly MechanismCommand[]) => View;
  window: SlidingWindow;
  publish: (record: DecisionRecord) => Promise<void>;
  store: StateStore;
  clock: Clock;
  log: Log;
  /** Of the loop itself: analysis happens at each tick, and soon after `poke`. */
  tickMs?: number;
}

/** What a loop does, as it does it: enough to have another decider decide the same. Times are ms since the epoch. */
export interface LoopFollower<View> {
  /** After a tick: what it saw, and what it came to. */
  ticked(now: number, view: View, ticked: Ticked): void;
  ended(record: DecisionRecord, now: number): void;
  held(parts: readonly string[]): void;
  released(parts: readonly string[]): void;
  uses(policies: readonly Policy<View>[]): void;
}

/**
 * Monitor → analyse → plan → execute → learn. All deciding of a tick happens at once (see Decider); telling and carrying out come after it, plans beside
 * the loop, one at a time per thing they touch.
 */
export class AutonomicLoop<View> {
  readonly #options: LoopOptions<View>;
  readonly #decider: Decider<View>;
  readonly #running = new Set<Promise<void>>();
  /** Decisions whose plans are being carried out, as they were last told. */
  readonly #unfinished = new Map<string, DecisionRecord & { plan: Plan }>();
  readonly #followers = new Set<LoopFollower<View>>();
  #savedAt = 0;
  #hasSaved = false;
  #poked = false;
  #stopped = false;
  #ticking: Promise<void> | undefined;
  #timer: { close(): void } | undefined;

  constructor(options: LoopOptions<View>) {
    this.#options = options;
    const mechanisms = new Map(options.mechanisms.map((mechanism) => [mechanism.name, mechanism]));
    this.#decider = new Decider({
      agent: options.agent,
      window: options.window,
      policies: options.policies,
      touches: ({ mechanism, command }) => mechanisms.get(mechanism)?.touches(command),
      expecting: options.expecting,
      failed: (policy, error) => options.log('error', `policy ${policy} failed`, { error: text(error) }),
    });
  }

  get policies(): readonly Policy<View>[] {
    return this.#decider.policies;
  }

  /**
   * Keeps the loop's own plans from parts of mechanisms ("CPUFrequencyConfigurator:policy0") until what it gives is called; undefined when one
   * of its plans is changing any of them.
   */
  hold(parts: string[]): (() => void) | undefined {
    if (!this.#decider.hold(parts)) return undefined;
    for (const follower of this.#followers) follower.held(parts);
    return () => {
      this.#decider.release(parts);
      for (const follower of this.#followers) follower.released(parts);
    };
  }

  /** Replaces the policies, from the next tick on. What those that stay have learnt stays with them. */
  use(policies: readonly Policy<View>[]): void {
    this.#decider.use(policies);
    for (const follower of this.#followers) follower.uses(policies);
    this.poke();
  }

  /** All that the next decision depends on, besides window and policies; from now on `follower` hears of what happens. */
  follow(follower: LoopFollower<View>): { state: DeciderState; close(): void } {
    this.#followers.add(follower);
    return { state: this.#decider.state(), close: () => void this.#followers.delete(follower) };
  }

  async start(): Promise<void> {
    const { store, log, clock, tickMs = 1000 } = this.#options;
    try {
      const state = await store.load();
      if (state) {
        this.#hasSaved = true;
        this.#decider.resume(state.lastChange, state.pending);
        for (const record of state.unfinished) await this.#tellInterrupted(record);
        for (const policy of this.policies) {
          const learnt = state.policies[policy.name];
          if (learnt !== undefined) policy.restore?.(learnt);
        }
      }
    } catch (error) {
      log('warn', 'what was learnt before the restart cannot be read; starting anew', { error: text(error) });
    }
    this.#timer = clock.every(tickMs, () => this.tick());
  }

  /** Asks for a tick soon: something has changed. */
  poke(): void {
    if (this.#poked || this.#stopped) return;
    this.#poked = true;
    this.#options.clock.after(50, () => {
      this.#poked = false;
      return this.tick();
    });
  }

  /** One turn of the loop: resolves when all that it decided has been told and begun. One asked for meanwhile comes after it. */
  async tick(): Promise<void> {
    while (this.#ticking) await this.#ticking;
    this.#ticking = this.#turn();
    try {
      await this.#ticking;
    } finally {
      this.#ticking = undefined;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    // Never started: what an earlier run has saved must stay as it is.
    if (!this.#timer) return;
    this.#timer.close();
    await this.#save(this.#options.clock.now());
  }

  /** Resolves when no plan is being carried out; for tests and orderly ends. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #turn(): Promise<void> {
    if (this.#stopped || !this.#decider.hasWork) return;
    const now = this.#options.clock.now();
    const view = this.#options.view();
    const ticked = this.#decider.tick(now, view);
    for (const follower of this.#followers) follower.ticked(now, view, ticked);
    const { decided, judged } = ticked;

    // Before anything is told or done: who is killed in the middle must know afterwards what was begun.
    const plans = decided.flatMap(({ begun }) => begun ?? []);
    for (const { record } of plans) this.#unfinished.set(record.id, record);
    const isNews = decided.length > 0 || judged.length > 0;
    const saved = isNews || now - this.#savedAt >= saveMs ? this.#save(now) : Promise.resolve();
    for (const { record } of decided) await this.#publish(record);
    for (const record of judged) await this.#publish(record);
    await saved;
    for (const plan of plans) {
      const running = this.#carryOut(plan).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
  }

  async #carryOut({ record }: Begun): Promise<void> {
    const { clock, log, mechanisms } = this.#options;
    const applications = record.plan.commands.map(({ mechanism: wanted, command }) => ({
      mechanism: mechanisms.find(({ name }) => name === wanted)!,
      command,
    }));
    let current: DecisionRecord & { plan: Plan } = record;
    const revise = (change: Partial<Plan>): Promise<void> => {
      current = { ...current, revision: current.revision + 1, plan: { ...current.plan, ...change } };
      this.#unfinished.set(current.id, current);
      return this.#publish(current);
    };
    let last: Promise<void> = revise({ status: 'pending' });
    try {
      const report = (steps: Step[]): void => {
        last = revise({ steps });
      };
      await applyAll(applications, { planId: record.plan.id, clock, report });
      last = revise({ status: 'completed' });
    } catch (error) {
      last = revise({ status: 'failed' });
      log('error', `${record.title}: failed`, { plan: record.plan.id, error: text(error) });
    }
    await last;
    const now = clock.now();
    this.#decider.ended(current, now);
    for (const follower of this.#followers) follower.ended(current, now);
    this.#unfinished.delete(current.id);
    await this.#save(now);
  }

  /** A plan that the agent's end cut off: nobody knows how far it came, and what calls for a decision will call again. */
  async #tellInterrupted(record: DecisionRecord & { plan: Plan }): Promise<void> {
    const at = this.#options.clock.now();
    const error = 'the agent ended before the plan was done; what was done until then stands';
    const steps = [...record.plan.steps, { title: 'Go on after a restart', at, durationMs: 0, error }];
    // Revisions in between may have been told and not saved.
    const revision = record.revision + interruptedRevisions;
    await this.#publish({ ...record, revision, plan: { ...record.plan, status: 'failed', steps } });
  }

  async #publish(record: DecisionRecord): Promise<void> {
    try {
      await this.#options.publish(record);
    } catch (error) {
      // The decision holds whether or not it could be told.
      this.#options.log('error', `decision ${record.id} could not be published`, { error: text(error) });
    }
  }

  async #save(now: number): Promise<void> {
    this.#savedAt = now;
    const unfinished = [...this.#unfinished.values()];
    const policies = Object.fromEntries(
      this.policies.flatMap((policy) => {
        const learnt = policy.state?.();
        return learnt === undefined ? [] : [[policy.name, learnt]];
      }),
    );
    const { lastChange, pending } = this.#decider;
    const isEmpty = [lastChange, pending, policies, unfinished].every((part) => Object.keys(part).length === 0);
    // An agent without policies leaves no file behind.
    if (isEmpty && !this.#hasSaved) return;
    this.#hasSaved = true;
    try {
      await this.#options.store.save({ lastChange: { ...lastChange }, pending: [...pending], policies, unfinished });
    } catch (error) {
      this.#options.log('warn', 'what was learnt could not be saved', { error: text(error) });
    }
  }
}

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
