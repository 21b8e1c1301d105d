import { z } from 'zod';
import type { Bus } from '../bus/bus.ts';
import { replySchema } from '../bus/messages.ts';
import { applyRequestSchema, undoRequestSchema } from '../bus/requests.ts';
import { subjects } from '../bus/subjects.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';

/** A command for a knob of one node: `command` is what that node's mechanism takes. */
export const onNodeCommandSchema = z.object({ node: z.string().min(1), mechanism: z.string().min(1), command: z.json() });

/** Knobs may take a while (a new frequency is read back); a node that is gone must not hold a plan for long. */
const answerMs = 15_000;

/** The knobs of the nodes, reached over the bus by their agents: what a node agent did is taken back by it when the plan fails elsewhere. */
export class OnNodeMechanism implements Mechanism {
  readonly name = 'onNode';
  readonly #bus: Bus;
  readonly #agentOf: (node: string) => string | undefined;

  /** `agentOf` names the agent of a node that is alive now. */
  constructor(bus: Bus, agentOf: (node: string) => string | undefined) {
    this.#bus = bus;
    this.#agentOf = agentOf;
  }

  state(): Json {
    return null;
  }

  /** Each node's own are in its situation. */
  options(): Json {
    return null;
  }

  touches(command: unknown): string[] {
    const { node, mechanism } = onNodeCommandSchema.parse(command);
    return [`${node}:${mechanism}`];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const { node, mechanism, command: told } = onNodeCommandSchema.parse(command);
    const agent = this.#agentOf(node);
    if (agent === undefined) throw new MechanismError(`the agent of ${node} is not there`);
    const id = plan.commandId;
    const undo = async (): Promise<void> => {
      const reply = await this.#bus.request(subjects.request(agent, 'undo'), undoRequestSchema, { id }, replySchema, answerMs);
      if (!reply.ok) throw new MechanismError(reply.error);
    };
    await plan.run(
      `${mechanism} on ${node}`,
      async () => {
        const request = { id, plan: plan.planId, mechanism, command: told };
        let reply: z.infer<typeof replySchema>;
        try {
          reply = await this.#bus.request(subjects.request(agent, 'apply'), applyRequestSchema, request, replySchema, answerMs);
        } catch (error) {
          // Nobody can say whether it was done: it is taken back if it was. The first error is the one that counts.
          await undo().catch(() => {});
          throw error;
        }
        if (!reply.ok) throw new MechanismError(reply.error);
      },
      { title: `Take back ${mechanism} on ${node}`, run: undo },
    );
  }
}
