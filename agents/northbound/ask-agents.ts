import { z } from 'zod';
import { type Bus, BusError } from '../bus/bus.ts';
import { replySchema } from '../bus/messages.ts';
import { subjects } from '../bus/subjects.ts';
import type { AgentWatch, KnownAgent } from './agent-watch.ts';
import type { saidSchema } from './endpoints/agents.ts';
import { HttpError } from './http-error.ts';

export type Said = z.infer<typeof saidSchema>;

/** An agent that is there answers within milliseconds; a policy that is checked first takes some seconds. */
export const answerMs = 10_000;
export const pingMs = 2000;

/** Requests to agents over the bus, with what goes wrong as the API tells it. */
export class AskAgents {
  readonly #bus: Bus;
  readonly #agents: AgentWatch;

  constructor(bus: Bus, agents: AgentWatch) {
    this.#bus = bus;
    this.#agents = agents;
  }

  /** @throws HttpError 404 when no such agent was ever heard */
  known(name: string): KnownAgent {
    const agent = this.#agents.find(name);
    if (agent) return agent;
    throw new HttpError(404, `no agent "${name}" was heard; GET /agents tells which there are`);
  }

  /** @throws HttpError 404 unknown, 422 when the agent refuses, 502 when it does not answer, or nonsense */
  async one<Q extends z.ZodType, A extends z.ZodType>(
    agent: string,
    verb: string,
    question: Q,
    value: z.infer<Q>,
    answer: A,
    timeoutMs = answerMs,
  ): Promise<z.output<A>> {
    this.known(agent);
    let reply: z.infer<typeof replySchema>;
    try {
      reply = await this.#bus.request(subjects.request(agent, verb), question, value, replySchema, timeoutMs);
    } catch (error) {
      if (error instanceof BusError || error instanceof z.ZodError)
        throw new HttpError(
          502,
          `${agent} does not answer: ${error instanceof BusError ? error.message : 'what it says does not fit'}`,
        );
      throw error;
    }
    if (!reply.ok) throw new HttpError(422, `${agent} refused: ${reply.error}`);
    const parsed = answer.safeParse(reply.value);
    if (!parsed.success) throw new HttpError(502, `${agent} answered nonsense`);
    return parsed.data;
  }

  /** The same wish to several agents at once; each one's answer stands for itself. */
  all<Q extends z.ZodType>(agents: readonly KnownAgent[], verb: string, question: Q, value: z.infer<Q>): Promise<Said[]> {
    return Promise.all(
      agents.map(async ({ agent, alive }): Promise<Said> => {
        if (!alive) return { agent, ok: false, error: 'it is not alive' };
        try {
          return { agent, ok: true, answer: await this.one(agent, verb, question, value, z.json()) };
        } catch (error) {
          if (error instanceof HttpError) return { agent, ok: false, error: error.message };
          throw error;
        }
      }),
    );
  }
}
