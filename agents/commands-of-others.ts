import type { z } from 'zod';
import type { Bus } from './bus/bus.ts';
import { type Reply, replySchema } from './bus/messages.ts';
import { applyRequestSchema, mechanismsRequestSchema, undoRequestSchema } from './bus/requests.ts';
import { subjects } from './bus/subjects.ts';
import type { Clock } from './clock.ts';
import type { AgentConfig, Log } from './config.ts';
import type { Mechanism } from './mechanisms/mechanism.ts';
import { type Applied, applyAll } from './mechanisms/steps.ts';
import { viewsOf } from './mechanisms/views.ts';
import { replying } from './replying.ts';

/** Commands that may still be taken back; of older ones the plan is long over. */
const kept = 200;

export interface CommandsOfOthersOptions {
  config: AgentConfig;
  bus: Bus;
  clock: Clock;
  log: Log;
  mechanisms: readonly Mechanism[];
  /** Takes hold of what a command touches, so that no plan of one's own changes it meanwhile; undefined when one does. */
  hold: (parts: string[]) => (() => void) | undefined;
}

/** What a node agent does for the plans of its cluster's agent: its knobs are told, turned, and turned back. */
export class CommandsOfOthers {
  readonly #options: CommandsOfOthersOptions;
  readonly #applied = new Map<string, { applied: Applied; parts: string[] }>();
  /** Taken back before they had arrived: the one who asked has given up. */
  readonly #revoked = new Set<string>();
  readonly #subscriptions: { close(): void }[];

  constructor(options: CommandsOfOthersOptions) {
    this.#options = options;
    const { bus, config, mechanisms } = options;
    const at = (verb: string): string => subjects.request(config.agent, verb);
    this.#subscriptions = [
      bus.answer(at('mechanisms'), mechanismsRequestSchema, replySchema, () => replying(async () => viewsOf(mechanisms))),
      bus.answer(at('apply'), applyRequestSchema, replySchema, (request) => replying(() => this.#apply(request))),
      bus.answer(at('undo'), undoRequestSchema, replySchema, ({ id }) => replying(() => this.#undo(id))),
    ];
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
  }

  async #apply({ id, plan, mechanism: name, command }: z.infer<typeof applyRequestSchema>): Promise<Value> {
    if (this.#applied.has(id)) return { already: true };
    if (this.#revoked.has(id)) throw new Error('it was taken back before it came');
    const mechanism = this.#options.mechanisms.find((one) => one.name === name);
    if (!mechanism) throw new Error(`there is no mechanism "${name}" on this node`);
    const parts = mechanism.touches(command).map((part) => `${name}:${part}`);
    const release = this.#options.hold(parts);
    if (!release) throw new Error('another plan is changing the same thing');
    try {
      const report = (): void => {};
      const applied = await applyAll([{ mechanism, command }], { planId: plan, clock: this.#options.clock, report });
      if (this.#revoked.delete(id)) {
        await applied.undo();
        throw new Error('it was taken back meanwhile');
      }
      this.#remember(id, applied, parts);
      this.#options.log('info', `${name}: set for a plan of another agent`, { plan });
      return { already: false };
    } finally {
      release();
    }
  }

  async #undo(id: string): Promise<Value> {
    const found = this.#applied.get(id);
    if (!found) {
      this.#revoked.add(id);
      if (this.#revoked.size > kept) this.#revoked.delete(this.#revoked.values().next().value!);
      return { undone: false };
    }
    const release = this.#options.hold(found.parts);
    if (!release) throw new Error('another plan is changing the same thing');
    try {
      this.#applied.delete(id);
      await found.applied.undo();
      return { undone: true };
    } finally {
      release();
    }
  }

  #remember(id: string, applied: Applied, parts: string[]): void {
    this.#applied.set(id, { applied, parts });
    if (this.#applied.size > kept) this.#applied.delete(this.#applied.keys().next().value!);
  }
}

type Value = Extract<Reply, { ok: true }>['value'];
