import {
  changeAnswerSchema,
  deleteConfigRequestSchema,
  deletePolicyRequestSchema,
  pingAnswerSchema,
  pingRequestSchema,
  policiesAnswerSchema,
  policiesRequestSchema,
  policyDetailSchema,
  policyListRequestSchema,
  policyListSchema,
  policyNameSchema,
  policyReadRequestSchema,
  policyTrialSchema,
  policyTryRequestSchema,
  setConfigRequestSchema,
  setPolicyRequestSchema,
} from '../../bus/administration.ts';
import type { AgentWatch } from '../agent-watch.ts';
import { type AskAgents, pingMs } from '../ask-agents.ts';
import { fitting } from '../body.ts';
import type { HandlersOf } from '../endpoints/table.ts';
import { HttpError } from '../http-error.ts';

export function agentHandlers(agents: AgentWatch, ask: AskAgents, now: () => number): HandlersOf<'agents'> {
  return {
    'agents.list': async () => agents.all(),
    'agents.status': async ({ path: { agent } }) => {
      const known = ask.known(agent);
      const silent = { ...known, roundTripMs: null, policies: null };
      if (!known.alive) return { ...silent, error: 'it is not alive' };
      try {
        const startedAt = now();
        await ask.one(agent, 'ping', pingRequestSchema, {}, pingAnswerSchema, pingMs);
        const roundTripMs = now() - startedAt;
        const policies = await ask.one(agent, 'policies', policiesRequestSchema, {}, policiesAnswerSchema, pingMs);
        return { ...known, roundTripMs, policies };
      } catch (error) {
        if (error instanceof HttpError) return { ...silent, error: error.message };
        throw error;
      }
    },
    'agents.policies': ({ path: { agent } }) => ask.one(agent, 'policy-list', policyListRequestSchema, {}, policyListSchema),
    'agents.policy': ({ path: { agent, name } }) =>
      ask.one(agent, 'policy-read', policyReadRequestSchema, { name: policyName(name) }, policyDetailSchema),
    'agents.try-policy': ({ path: { agent, name }, body }) =>
      ask.one(agent, 'policy-try', policyTryRequestSchema, { name: policyName(name), ...body }, policyTrialSchema, fileMs),
    'agents.set-policy': ({ path: { agent, name }, body }) =>
      ask.one(agent, 'set-policy', setPolicyRequestSchema, { name: policyName(name), ...body }, changeAnswerSchema, fileMs),
    'agents.delete-policy': ({ path: { agent, name } }) =>
      ask.one(agent, 'delete-policy', deletePolicyRequestSchema, { name: policyName(name) }, changeAnswerSchema),
    'agents.set-config': ({ path: { agent }, body }) =>
      ask.one(agent, 'set-config', setConfigRequestSchema, body, changeAnswerSchema),
    'agents.delete-config': ({ path: { agent, name } }) =>
      ask.one(agent, 'delete-config', deleteConfigRequestSchema, { names: [name] }, changeAnswerSchema),
  };
}

/** A file is loaded before it is taken: Python with pandas takes its time on a small board. */
const fileMs = 40_000;

const policyName = (name: string): string => fitting(policyNameSchema, name, 'the name');
