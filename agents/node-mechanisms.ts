import type { z } from 'zod';
import type { Bus } from './bus/bus.ts';
import { asParsed } from './bus/fitting.ts';
import { replySchema } from './bus/messages.ts';
import { mechanismsAnswerSchema, mechanismsRequestSchema } from './bus/requests.ts';
import { subjects } from './bus/subjects.ts';
import type { Clock } from './clock.ts';
import type { Log } from './config.ts';

const answerMs = 2000;
/** Knobs are turned by decisions, and seldom; what a policy decides by may be so old. */
const freshMs = 5000;

type Answer = z.infer<typeof mechanismsAnswerSchema>;

/** Knobs of the nodes, as their agents tell them. What a node has said stays until it says otherwise. */
export class NodeMechanisms {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #known = new Map<string, { at: number; mechanisms: Answer | undefined }>();
  readonly #asking = new Set<string>();
  readonly #failing = new Set<string>();

  constructor(bus: Bus, clock: Clock, log: Log) {
    this.#bus = bus;
    this.#clock = clock;
    this.#log = log;
  }

  /** By the name of the agent. */
  of(agent: string): Answer | undefined {
    return this.#known.get(agent)?.mechanisms;
  }

  /** The agent has restarted: it is asked at the next turn. */
  forget(agent: string): void {
    this.#known.delete(agent);
  }

  /** Asks, unless its answer is new. */
  ask(agent: string): Promise<void> | undefined {
    const now = this.#clock.now();
    if (this.#asking.has(agent) || now - (this.#known.get(agent)?.at ?? Number.NEGATIVE_INFINITY) < freshMs) return undefined;
    return this.#ask(agent, now);
  }

  async #ask(agent: string, now: number): Promise<void> {
    this.#asking.add(agent);
    try {
      const subject = subjects.request(agent, 'mechanisms');
      const reply = await this.#bus.request(subject, mechanismsRequestSchema, {}, replySchema, answerMs);
      if (!reply.ok) throw new Error(reply.error);
      this.#known.set(agent, { at: now, mechanisms: asParsed(mechanismsAnswerSchema, reply.value) });
      this.#failing.delete(agent);
    } catch (error) {
      this.#known.set(agent, { at: now, mechanisms: this.#known.get(agent)?.mechanisms });
      if (!this.#failing.has(agent)) this.#log('warn', `${agent} did not tell its knobs`, { error: String(error) });
      this.#failing.add(agent);
    } finally {
      this.#asking.delete(agent);
    }
  }
}
