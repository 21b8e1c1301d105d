import type { Clock } from '../clock.ts';
import type { Log } from '../config.ts';
import { type DecisionRecord, isAct, type Plan } from '../decision/record.ts';
import type { Mechanism, Step } from '../mechanisms/mechanism.ts';
import { type Application, applyAll } from '../mechanisms/steps.ts';
import { decide } from '../policies/decide.ts';
import type { Policy, PolicyInput, Proposal, Trigger } from '../policies/policy.ts';
import type { SlidingWindow } from '../telemetry/window.ts';
import { actualOutcome, type PendingOutcome, pendingOutcome } from './outcomes.ts';
import type { StateStore } from './state.ts';

/** Above any number of revisions that one plan has. */
const interruptedRevisions = 1000;
/** The same non-act is told at most this often. */
const repeatMs = 30_000;
/** What policies learnt is saved this often, besides with each decision. */
const saveMs = 30_000;
/** After a plan has failed, the same thing is left alone for so long: what made it fail seldom heals at once. */
const afterFailureMs = 10_000;

export interface LoopOptions<View> {
  agent: DecisionRecord['agent'];
  policies: Policy<View>[];
  mechanisms: Mechanism[];
  view: () => View;
  window: SlidingWindow;
  publish: (record: DecisionRecord) => Promise<void>;
  store: StateStore;
  clock: Clock;
  log: Log;
  /** Of the loop itself: analysis happens at each tick, and soon after `poke`. */
  tickMs?: number;
}

/** Monitor → analyse → plan → execute → learn. Decides apart from doing: plans are carried out beside the loop, one at a time per thing they touch. */
export class AutonomicLoop<View> {
  readonly #options: LoopOptions<View>;
  readonly #busy = new Set<string>();
  readonly #told = new Map<string, { key: string; at: number }>();
  readonly #running = new Set<Promise<void>>();
  #policies: Policy<View>[];
  readonly #leaveUntil = new Map<string, number>();
  #lastChange: Record<string, number> = {};
  #pending: PendingOutcome[] = [];
  /** Decisions whose plans are being carried out, as they were last told. */
  readonly #unfinished = new Map<string, DecisionRecord & { plan: Plan }>();
  #sequence = 0;
  #savedAt = 0;
  #hasSaved = false;
  #poked = false;
  #stopped = false;
  #timer: { close(): void } | undefined;

  constructor(options: LoopOptions<View>) {
    this.#options = options;
    this.#policies = options.policies;
  }

  get policies(): readonly Policy<View>[] {
    return this.#policies;
  }

  /**
   * Keeps the loop's own plans from parts of mechanisms ("CPUFrequencyConfigurator:policy0") until what it gives is called; undefined when one
   * of its plans is changing any of them.
   */
  hold(parts: string[]): (() => void) | undefined {
    if (parts.some((part) => this.#busy.has(part))) return undefined;
    for (const part of parts) this.#busy.add(part);
    return () => {
      for (const part of parts) this.#busy.delete(part);
    };
  }

  /** Replaces the policies, from the next tick on. What those that stay have learnt stays with them. */
  use(policies: Policy<View>[]): void {
    this.#policies = policies;
    this.poke();
  }

  async start(): Promise<void> {
    const { store, log, clock, tickMs = 1000 } = this.#options;
    try {
      const state = await store.load();
      if (state) {
        this.#hasSaved = true;
        this.#lastChange = state.lastChange;
        this.#pending = state.pending;
        for (const record of state.unfinished) await this.#tellInterrupted(record);
        for (const policy of this.#policies) {
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

  async tick(): Promise<void> {
    if (this.#stopped || (this.#policies.length === 0 && this.#pending.length === 0)) return;
    const { clock, window, agent, log } = this.#options;
    const input: PolicyInput<View> = { now: clock.now(), agent: agent.id, view: this.#options.view(), window };
    for (const policy of this.#policies) {
      try {
        policy.learn?.(input);
        for (const trigger of policy.analyze(input)) await this.#consider(policy, input, trigger);
      } catch (error) {
        // One policy that fails must not keep the others from their work.
        log('error', `policy ${policy.name} failed`, { error: text(error) });
      }
    }
    await this.#settleOutcomes(input.now);
    if (input.now - this.#savedAt >= saveMs) await this.#save(input.now);
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

  async #consider(policy: Policy<View>, input: PolicyInput<View>, trigger: Trigger): Promise<void> {
    const thing = `${trigger.application ?? ''}/${trigger.component ?? ''}`;
    // What is being changed has no settled situation to decide on.
    if (this.#busy.has(thing) || (this.#leaveUntil.get(thing) ?? 0) > input.now) return;
    const proposal = policy.plan(input, trigger);
    if (!proposal) return;
    const record = decide(proposal, trigger, {
      id: `${this.#options.agent.id}-${input.now.toString(36)}-${(this.#sequence++).toString(36)}`,
      now: input.now,
      agent: this.#options.agent,
      policy: { name: policy.name, version: policy.version },
      lastChangeAt: this.#lastChange[thing],
    });
    if (isAct(record)) return this.#act(record, proposal, thing);

    const key = `${record.trigger.kind}|${record.choice}|${record.candidates.map(({ rejected }) => rejected?.rule ?? '').join()}`;
    const told = this.#told.get(`${policy.name}|${thing}`);
    if (told?.key === key && input.now - told.at < repeatMs) return;
    this.#told.set(`${policy.name}|${thing}`, { key, at: input.now });
    await this.#publish(record);
    this.#await(record, proposal);
  }

  async #act(decided: DecisionRecord, proposal: Proposal, thing: string): Promise<void> {
    const option = proposal.options.find(({ id }) => id === decided.choice);
    if (!option) return;
    const commands = proposal.commands(option);
    const plan: Plan = { id: `plan-${decided.id}`, commands, status: 'queued', steps: [] };
    const record = { ...decided, plan };
    const applications: Application[] = [];
    const touched: string[] = [];
    for (const { mechanism: wanted, command } of commands) {
      const mechanism = this.#options.mechanisms.find(({ name }) => name === wanted);
      if (!mechanism) {
        const steps = [failedStep(`There is no mechanism "${wanted}"`, decided.time)];
        return this.#publish({ ...record, plan: { ...plan, status: 'failed', steps } });
      }
      applications.push({ mechanism, command });
      touched.push(...mechanism.touches(command).map((part) => `${mechanism.name}:${part}`));
    }
    if (touched.some((part) => this.#busy.has(part))) {
      const steps = [failedStep('Another plan is changing the same thing', decided.time)];
      return this.#publish({ ...record, plan: { ...plan, status: 'discarded', steps } });
    }
    for (const part of [thing, ...touched]) this.#busy.add(part);
    // A first placement does not start a cool-down: it says nothing of how good its place is.
    if (proposal.coolDownS > 0) this.#lastChange[thing] = decided.time;
    this.#unfinished.set(record.id, record);
    // Before anything is done: who is killed in the middle must know afterwards what was begun.
    await Promise.all([this.#publish(record), this.#save(this.#options.clock.now())]);
    const running = this.#carryOut(record, proposal, applications, thing).finally(() => {
      for (const part of [thing, ...touched]) this.#busy.delete(part);
      this.#running.delete(running);
    });
    this.#running.add(running);
  }

  async #carryOut(
    record: DecisionRecord & { plan: Plan },
    proposal: Proposal,
    applications: Application[],
    thing: string,
  ): Promise<void> {
    let current = record;
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
      await applyAll(applications, { planId: record.plan.id, clock: this.#options.clock, report });
      await revise({ status: 'completed' });
      this.#await(current, proposal);
    } catch (error) {
      this.#leaveUntil.set(thing, this.#options.clock.now() + afterFailureMs);
      await revise({ status: 'failed' });
      this.#options.log('error', `${record.title}: failed`, { plan: record.plan.id, error: text(error) });
    }
    await last;
    this.#unfinished.delete(current.id);
    void this.#save(this.#options.clock.now());
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

  #await(record: DecisionRecord, proposal: Proposal): void {
    const pending = pendingOutcome(record, proposal);
    if (!pending) return;
    this.#pending.push(pending);
    void this.#save(this.#options.clock.now());
  }

  async #settleOutcomes(now: number): Promise<void> {
    const due = this.#pending.filter(({ dueAt }) => dueAt <= now);
    if (due.length === 0) return;
    this.#pending = this.#pending.filter(({ dueAt }) => dueAt > now);
    for (const pending of due) {
      const actual = actualOutcome(pending, this.#options.window);
      // Nothing was measured, e.g. because the application has gone: there is nothing to tell.
      if (actual) await this.#publish({ ...pending.record, revision: pending.record.revision + 1, actual });
    }
    await this.#save(now);
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
      this.#policies.flatMap((policy) => {
        const learnt = policy.state?.();
        return learnt === undefined ? [] : [[policy.name, learnt]];
      }),
    );
    const isEmpty = [this.#lastChange, this.#pending, policies, unfinished].every((part) => Object.keys(part).length === 0);
    // An agent without policies leaves no file behind.
    if (isEmpty && !this.#hasSaved) return;
    this.#hasSaved = true;
    try {
      await this.#options.store.save({ lastChange: this.#lastChange, pending: this.#pending, policies, unfinished });
    } catch (error) {
      this.#options.log('warn', 'what was learnt could not be saved', { error: text(error) });
    }
  }
}

const failedStep = (reason: string, at: number): Step => ({ title: 'Start the plan', at, durationMs: 0, error: reason });
const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
