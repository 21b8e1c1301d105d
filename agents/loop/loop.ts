import type { Clock } from '../clock.ts';
import type { Log } from '../config.ts';
import type { DecisionRecord, MechanismCommand, Plan } from '../decision/record.ts';
import type { Json, Mechanism, Step } from '../mechanisms/mechanism.ts';
import { applyAll, Superseded } from '../mechanisms/steps.ts';
import type { Policy } from '../policies/policy.ts';
import type { SlidingWindow } from '../telemetry/window.ts';
import { type Begun, Decider, type DeciderState, type Ticked } from './decider.ts';
import type { StateStore } from './state.ts';

/** Above any number of revisions that one plan has. */
const resumedRevisions = 1000;
/** A plan that was cut off longer ago rests on a situation that is gone. */
const resumeMs = 5 * 60_000;
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
  /** Called when a policy has thrown. */
  policyFailed?: (policy: string, error: string) => void;
  /** Of the loop itself: analysis happens at each tick, and soon after `poke`. */
  tickMs?: number;
  /** Whether this agent, and no other, is the one to decide and act now. Always, without it. */
  mayAct?: () => boolean;
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
  /** What policies had learnt before the restart, for those that come later. */
  #learnt: Record<string, Json> = {};
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
      failed: (policy, error) => {
        options.log('error', `policy ${policy} failed`, { error: text(error) });
        options.policyFailed?.(policy, text(error));
      },
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
    for (const policy of policies) {
      if (this.policies.includes(policy)) continue;
      const learnt = this.policies.find(({ name }) => name === policy.name)?.state?.() ?? this.#learnt[policy.name];
      this.#restore(policy, learnt);
    }
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
    let resumed: Begun[] = [];
    try {
      const state = await store.load();
      if (state) {
        this.#hasSaved = true;
        // Revisions in between may have been told and not saved.
        resumed = state.begun.map(({ record, ...rest }) => ({
          ...rest,
          record: { ...record, revision: record.revision + resumedRevisions },
        }));
        this.#decider.resume({ ...state, begun: resumed });
        for (const { record } of resumed) this.#unfinished.set(record.id, record);
        this.#learnt = state.policies;
        for (const policy of this.policies) this.#restore(policy, state.policies[policy.name]);
      }
    } catch (error) {
      log('warn', 'what was learnt before the restart cannot be read; starting anew', { error: text(error) });
    }
    // Whoever goes on with them after this one goes on from here.
    if (resumed.length > 0) await this.#save(clock.now());
    // Each once, and by whoever comes first: what it begins is done again, which changes nothing where it was done before.
    for (const begun of resumed) this.#begin(begun, true);
    // Most node agents decide nothing: their turns cost nothing.
    this.#timer = clock.every(tickMs, () => (this.#decider.hasWork ? this.tick() : undefined));
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

  /** Plans that are being carried out are left as they are: whoever starts next from what was saved goes on with them. */
  async stop(): Promise<void> {
    this.#stopped = true;
    // Never started: what an earlier run has saved must stay as it is.
    if (!this.#timer) return;
    this.#timer.close();
    if (this.#mayAct) await this.#save(this.#options.clock.now());
  }

  get #mayAct(): boolean {
    return this.#options.mayAct?.() ?? true;
  }

  /** Resolves when no plan is being carried out; for tests and orderly ends. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #restore(policy: Policy<View>, learnt: Json | undefined): void {
    if (learnt === undefined) return;
    try {
      policy.restore?.(learnt);
    } catch (error) {
      this.#options.log('warn', `what ${policy.name} has learnt does not fit it any more`, { error: text(error) });
    }
  }

  async #turn(): Promise<void> {
    if (this.#stopped || !this.#decider.hasWork || !this.#mayAct) return;
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
    for (const plan of plans) this.#begin(plan, false);
  }

  #begin(begun: Begun, resumed: boolean): void {
    const running = this.#carryOut(begun, resumed).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #carryOut({ record }: Begun, resumed: boolean): Promise<void> {
    const { clock, log } = this.#options;
    const planId = record.plan.id;
    let current = record;
    const before = resumed
      ? [...record.plan.steps.map(cutOff), { title: 'Go on after a restart', at: clock.now(), durationMs: 0 }]
      : [];
    const mayAct = (): boolean => !this.#stopped && this.#mayAct;
    /** Nothing more once another may go on with it: a late answer to the former leader would be told after what the next one does. */
    const revise = async (change: Partial<Plan>): Promise<void> => {
      if (!mayAct()) return;
      current = { ...current, revision: current.revision + 1, plan: { ...current.plan, ...change } };
      this.#unfinished.set(current.id, current);
      return this.#publish(current);
    };
    let last: Promise<void> = revise({ status: 'pending', ...(resumed && { steps: before }) });
    try {
      if (resumed && clock.now() - record.time > resumeMs)
        throw new Error('the agent ended in its midst, too long ago to go on; what was done until then stands');
      const report = (steps: Step[]): void => {
        last = revise({ steps: [...before, ...steps] });
      };
      await applyAll(this.#applications(record.plan), { planId, clock, report, resumed, mayAct });
      last = revise({ status: 'completed' });
      log('info', record.title, { plan: planId });
    } catch (error) {
      // What failed of a plan that another goes on with is for that one to find out, and to tell.
      if (error instanceof Superseded || !mayAct()) return;
      last = revise({ status: 'failed' });
      log('error', `${record.title}: failed`, { plan: planId, error: text(error) });
    }
    await last;
    // Whoever has taken over tells how it ends.
    if (!mayAct()) return;
    const now = clock.now();
    this.#decider.ended(current, now);
    for (const follower of this.#followers) follower.ended(current, now);
    this.#unfinished.delete(current.id);
    await this.#save(now);
  }

  /** @throws Error when the agent has no such mechanism any more */
  #applications({ commands }: Plan) {
    return commands.map(({ mechanism: wanted, command }) => {
      const mechanism = this.#options.mechanisms.find(({ name }) => name === wanted);
      if (!mechanism) throw new Error(`there is no mechanism "${wanted}" any more`);
      return { mechanism, command };
    });
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
    const begun = this.#decider.begun.map((plan) => ({ ...plan, record: this.#unfinished.get(plan.record.id) ?? plan.record }));
    const policies = Object.fromEntries(
      this.policies.flatMap((policy) => {
        const learnt = policy.state?.();
        return learnt === undefined ? [] : [[policy.name, learnt]];
      }),
    );
    const { lastChange, pending } = this.#decider;
    const isEmpty = [lastChange, pending, policies, begun].every((part) => Object.keys(part).length === 0);
    // An agent without policies leaves no file behind.
    if (isEmpty && !this.#hasSaved) return;
    this.#hasSaved = true;
    try {
      await this.#options.store.save({ lastChange: { ...lastChange }, pending: [...pending], policies, begun });
    } catch (error) {
      this.#options.log('warn', 'what was learnt could not be saved', { error: text(error) });
    }
  }
}

/** A step that was going on when the agent ended: nobody knows how far it came. */
const cutOff = (step: Step): Step => (step.durationMs === null ? { ...step, durationMs: 0, error: 'the agent ended' } : step);

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
