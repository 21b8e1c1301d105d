import { z } from 'zod';
import {
  type DecisionRecord,
  decisionRecordSchema,
  isAct,
  type MechanismCommand,
  type Plan,
  planSchema,
} from '../decision/record.ts';
import { decide } from '../policies/decide.ts';
import type { Policy, PolicyInput, Proposal, Trigger } from '../policies/policy.ts';
import type { SlidingWindow } from '../telemetry/window.ts';
import { actualOutcome, expectsSchema, type PendingOutcome, pendingOutcome, pendingOutcomeSchema } from './outcomes.ts';

/** The same non-act is told at most this often. */
const repeatMs = 30_000;
/** After a plan has failed, the same thing is left alone for so long: what made it fail seldom heals at once. */
const afterFailureMs = 10_000;

/** A plan that is being carried out: what it keeps others from, and by what it will be judged. */
export const begunSchema = z.object({
  record: decisionRecordSchema.extend({ plan: planSchema }),
  /** "application/component". */
  thing: z.string(),
  /** Parts of mechanisms that it changes: "fluidity:camera/classifier". */
  parts: z.array(z.string()),
  expects: expectsSchema,
});
export type Begun = z.infer<typeof begunSchema>;

/** All that a next decision depends on, besides what policies have learnt. Times are ms since the epoch. */
export const deciderStateSchema = z.object({
  sequence: z.number().int(),
  /** Last change by thing. */
  lastChange: z.record(z.string(), z.number()),
  pending: z.array(pendingOutcomeSchema),
  told: z.array(z.tuple([z.string(), z.object({ key: z.string(), at: z.number() })])),
  leaveUntil: z.array(z.tuple([z.string(), z.number()])),
  /** Parts that somebody else than a plan of this loop holds. */
  held: z.array(z.string()),
  begun: z.array(begunSchema),
});
export type DeciderState = z.infer<typeof deciderStateSchema>;

export interface DeciderOptions<View> {
  agent: DecisionRecord['agent'];
  window: SlidingWindow;
  policies: readonly Policy<View>[];
  /** Which parts of a mechanism a command changes; undefined where there is no such mechanism. @throws Error on a command that it does not take */
  touches: (command: MechanismCommand) => string[] | undefined;
  /** The view as it will be once these commands are done, as far as that can be known. */
  expecting?: ((view: View, commands: readonly MechanismCommand[]) => View) | undefined;
  failed: (policy: string, error: unknown) => void;
}

/** One decision of a tick: told, and begun when it is to be carried out. */
export interface Decided {
  record: DecisionRecord;
  /** What its plan would change; absent without a plan, or a mechanism for it. */
  parts?: string[];
  begun?: Begun;
}

/** What one tick came to, in its order. */
export interface Ticked {
  decided: Decided[];
  /** Decisions whose outcome is known now. */
  judged: DecisionRecord[];
}

/**
 * The deciding half of the autonomic loop: no clock, no wire, nothing to wait for. Given the same policies, window, views and ends of plans in the same
 * order, it decides the same; that is what replay rests on.
 */
export class Decider<View> {
  readonly #options: DeciderOptions<View>;
  #policies: readonly Policy<View>[];
  #sequence = 0;
  #lastChange: Record<string, number> = {};
  #pending: PendingOutcome[] = [];
  readonly #told = new Map<string, { key: string; at: number }>();
  readonly #leaveUntil = new Map<string, number>();
  readonly #held = new Set<string>();
  readonly #begun = new Map<string, Begun>();

  constructor(options: DeciderOptions<View>) {
    this.#options = options;
    this.#policies = options.policies;
  }

  get policies(): readonly Policy<View>[] {
    return this.#policies;
  }

  get lastChange(): Readonly<Record<string, number>> {
    return this.#lastChange;
  }

  get pending(): readonly PendingOutcome[] {
    return this.#pending;
  }

  use(policies: readonly Policy<View>[]): void {
    this.#policies = policies;
  }

  get begun(): readonly Begun[] {
    return [...this.#begun.values()];
  }

  /** Takes up what an earlier run has left. What its plans change is busy until they are `ended`. */
  resume({ lastChange, pending, begun }: Pick<DeciderState, 'lastChange' | 'pending' | 'begun'>): void {
    this.#lastChange = { ...lastChange };
    this.#pending = [...pending];
    for (const plan of begun) this.#begun.set(plan.record.id, plan);
  }

  state(): DeciderState {
    return structuredClone({
      sequence: this.#sequence,
      lastChange: this.#lastChange,
      pending: this.#pending,
      told: [...this.#told],
      leaveUntil: [...this.#leaveUntil],
      held: [...this.#held],
      begun: [...this.#begun.values()],
    });
  }

  restore(state: DeciderState): void {
    this.#sequence = state.sequence;
    this.resume(state);
    for (const [key, told] of state.told) this.#told.set(key, told);
    for (const [thing, until] of state.leaveUntil) this.#leaveUntil.set(thing, until);
    for (const part of state.held) this.#held.add(part);
  }

  /** Keeps plans from these parts until `release`; false when one of them is being changed. */
  hold(parts: readonly string[]): boolean {
    if (parts.some((part) => this.#isBusy(part))) return false;
    for (const part of parts) this.#held.add(part);
    return true;
  }

  release(parts: readonly string[]): void {
    for (const part of parts) this.#held.delete(part);
  }

  /** Whether there is anything that a tick could come to. */
  get hasWork(): boolean {
    return this.#policies.length > 0 || this.#pending.length > 0;
  }

  tick(now: number, view: View): Ticked {
    const ticked: Ticked = { decided: [], judged: [] };
    let input = this.#input(now, view);
    for (const policy of this.#policies) {
      try {
        policy.learn?.(input);
        for (const trigger of policy.analyze(input)) {
          const decided = this.#consider(policy, input, trigger);
          if (decided) ticked.decided.push(decided);
          // What comes next must see what has just been begun: else all that is placed in one tick goes to the same node.
          if (decided?.begun) input = this.#input(now, view);
        }
      } catch (error) {
        // One policy that fails must not keep the others from their work.
        this.#options.failed(policy.name, error);
      }
    }
    const due = this.#pending.filter(({ dueAt }) => dueAt <= now);
    if (due.length > 0) this.#pending = this.#pending.filter(({ dueAt }) => dueAt > now);
    for (const pending of due) {
      const actual = actualOutcome(pending, this.#options.window);
      // Nothing was measured, e.g. because the application has gone: there is nothing to tell.
      if (!actual) continue;
      const judged = { ...pending.record, revision: pending.record.revision + 1, actual };
      ticked.judged.push(judged);
      const policy = this.#policies.find(({ name }) => name === judged.policy.name);
      try {
        policy?.judged?.(judged);
      } catch (error) {
        this.#options.failed(judged.policy.name, error);
      }
    }
    return ticked;
  }

  /** A plan is over: `record` as it was last told. */
  ended(record: DecisionRecord, now: number): void {
    const begun = this.#begun.get(record.id);
    if (!begun) return;
    this.#begun.delete(record.id);
    if (record.plan?.status === 'completed') this.#await(record, begun.expects);
    else this.#leaveUntil.set(begun.thing, now + afterFailureMs);
  }

  #input(now: number, view: View): PolicyInput<View> {
    const { agent, window, expecting } = this.#options;
    const commands = [...this.#begun.values()].flatMap(({ record }) => record.plan.commands);
    return { now, agent: agent.id, view: expecting && commands.length > 0 ? expecting(view, commands) : view, window };
  }

  #isBusy(part: string): boolean {
    if (this.#held.has(part)) return true;
    for (const { thing, parts } of this.#begun.values()) if (thing === part || parts.includes(part)) return true;
    return false;
  }

  #consider(policy: Policy<View>, input: PolicyInput<View>, trigger: Trigger): Decided | undefined {
    const { now } = input;
    const thing = `${trigger.application ?? ''}/${trigger.component ?? ''}`;
    // What is being changed has no settled situation to decide on.
    if (this.#isBusy(thing) || (this.#leaveUntil.get(thing) ?? 0) > now) return;
    const proposal = policy.plan(input, trigger);
    if (!proposal) return;
    const record = decide(proposal, trigger, {
      id: `${this.#options.agent.id}-${now.toString(36)}-${(this.#sequence++).toString(36)}`,
      now,
      agent: this.#options.agent,
      policy: { name: policy.name, version: policy.version },
      lastChangeAt: this.#lastChange[thing],
    });
    if (isAct(record)) return this.#begin(record, proposal, thing);

    const key = `${record.trigger.kind}|${record.choice}|${record.candidates.map(({ rejected }) => rejected?.rule ?? '').join()}`;
    const told = this.#told.get(`${policy.name}|${thing}`);
    if (told?.key === key && now - told.at < repeatMs) return;
    this.#told.set(`${policy.name}|${thing}`, { key, at: now });
    this.#await(record, expectsOf(proposal));
    return { record };
  }

  #begin(decided: DecisionRecord, proposal: Proposal, thing: string): Decided | undefined {
    const option = proposal.options.find(({ id }) => id === decided.choice);
    if (!option) return;
    const commands = proposal.commands(option);
    const plan: Plan = { id: `plan-${decided.id}`, commands, status: 'queued', steps: [] };
    const record = { ...decided, plan };
    const notBegun = (status: 'failed' | 'discarded', error: string): DecisionRecord => {
      const steps = [{ title: 'Start the plan', at: decided.time, durationMs: 0, error }];
      return { ...record, plan: { ...plan, status, steps } };
    };
    const parts: string[] = [];
    for (const command of commands) {
      const touched = this.#options.touches(command);
      if (!touched) return { record: notBegun('failed', `There is no mechanism "${command.mechanism}"`) };
      parts.push(...touched.map((part) => `${command.mechanism}:${part}`));
    }
    if (parts.some((part) => this.#isBusy(part)))
      return { record: notBegun('discarded', 'Another plan is changing the same thing'), parts };
    // A first placement does not start a cool-down: it says nothing of how good its place is.
    if (proposal.coolDownS > 0) this.#lastChange[thing] = decided.time;
    const begun: Begun = { record, thing, parts, expects: expectsOf(proposal) };
    this.#begun.set(record.id, begun);
    return { record, parts, begun };
  }

  #await(record: DecisionRecord, expects: Begun['expects']): void {
    const pending = pendingOutcome(record, expects);
    if (pending) this.#pending.push(pending);
  }
}

const expectsOf = ({ readings, outcome }: Proposal): Begun['expects'] => ({ readings, ...(outcome && { outcome }) });
