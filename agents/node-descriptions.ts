import type { Bus } from './bus/bus.ts';
import { replySchema } from './bus/messages.ts';
import { describeRequestSchema } from './bus/requests.ts';
import { subjects } from './bus/subjects.ts';
import type { Log } from './config.ts';
import { type NodeDescription, nodeSchema } from './descriptions/node.ts';

const answerMs = 2000;

/** What node agents say of their hosts, asked once of each, and again after an agent has restarted. */
export class NodeDescriptions {
  readonly #bus: Bus;
  readonly #log: Log;
  /** undefined: it has answered, and was never described. */
  readonly #known = new Map<string, NodeDescription | undefined>();
  readonly #asking = new Set<string>();
  readonly #outdated = new Set<string>();
  /** Told once of each, not with every heartbeat. */
  readonly #failing = new Set<string>();

  constructor(bus: Bus, log: Log) {
    this.#bus = bus;
    this.#log = log;
  }

  /** By the name of the agent. */
  of(agent: string): NodeDescription | undefined {
    return this.#known.get(agent);
  }

  /** The agent has restarted: its host may be described otherwise now. What it said stays until it has answered. */
  forget(agent: string): void {
    this.#outdated.add(agent);
  }

  /** Asks, unless it has answered since it was started. */
  ask(agent: string): Promise<void> | undefined {
    const hasAnswered = this.#known.has(agent) && !this.#outdated.has(agent);
    return hasAnswered || this.#asking.has(agent) ? undefined : this.#ask(agent);
  }

  async #ask(agent: string): Promise<void> {
    this.#asking.add(agent);
    try {
      const reply = await this.#bus.request(
        subjects.request(agent, 'describe'),
        describeRequestSchema,
        {},
        replySchema,
        answerMs,
      );
      this.#known.set(agent, reply.ok ? nodeSchema.parse(reply.value) : undefined);
      this.#outdated.delete(agent);
      this.#failing.delete(agent);
    } catch (error) {
      // Its next heartbeat has us ask again.
      if (!this.#failing.has(agent)) this.#log('warn', `${agent} did not say what its host is`, { error: String(error) });
      this.#failing.add(agent);
    } finally {
      this.#asking.delete(agent);
    }
  }
}
