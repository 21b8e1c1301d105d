import { z } from 'zod';
import {
  changeAnswerSchema,
  policiesAnswerSchema,
  policyDetailSchema,
  policyListSchema,
  policyTrialSchema,
  policyTryRequestSchema,
  setConfigRequestSchema,
  setPolicyRequestSchema,
} from '../../bus/administration.ts';
import { agentRoleSchema } from '../../bus/messages.ts';
import { layerSchema } from '../../decision/record.ts';
import { endpoint } from '../endpoint.ts';

export const agentSchema = z
  .object({
    agent: z.string(),
    layer: layerSchema,
    cluster: z.string(),
    node: z.string().optional(),
    version: z.string(),
    /** It has beaten within three of its intervals. */
    alive: z.boolean(),
    /** ms since the epoch, on the continuum agent's clock. */
    lastHeartbeat: z.number(),
    startedAt: z.number(),
    /** While it is alive, in a cluster that has two agents: whether it decides, or stands by. */
    role: agentRoleSchema.optional(),
  })
  .meta({ id: 'Agent' });

/** What one of several agents said to the same wish. */
export const saidSchema = z
  .object({ agent: z.string(), ok: z.boolean(), answer: z.json().optional(), error: z.string().optional() })
  .meta({ id: 'Said' });

export const changeSchema = changeAnswerSchema.meta({ id: 'Change' });

export const agentEndpoints = {
  'agents.list': endpoint({
    method: 'GET',
    path: '/agents',
    group: 'agents',
    role: 'viewer',
    summary: 'All agents that were ever heard, and whether they are alive',
    answer: z.array(agentSchema),
  }),
  'agents.status': endpoint({
    method: 'GET',
    path: '/agents/{agent}',
    group: 'agents',
    role: 'viewer',
    summary: 'Whether an agent is alive and answers, its mode, and the policies that decide',
    answer: agentSchema.extend({
      /** ms until it answered a ping; null when it did not. */
      roundTripMs: z.number().nullable(),
      policies: policiesAnswerSchema.nullable(),
      /** Why there is no answer. */
      error: z.string().optional(),
    }),
    failures: [404],
  }),
  'agents.policies': endpoint({
    method: 'GET',
    path: '/agents/{agent}/policies',
    group: 'agents',
    role: 'viewer',
    summary: 'All policies of an agent and how each does, those that do not decide included',
    answer: policyListSchema,
    failures: [404, 422, 502],
  }),
  'agents.policy': endpoint({
    method: 'GET',
    path: '/agents/{agent}/policies/{name}',
    group: 'agents',
    role: 'viewer',
    summary: 'One policy of an agent: its settings and what they may be, or the text of its file',
    answer: policyDetailSchema,
    failures: [404, 422, 502],
  }),
  'agents.try-policy': endpoint({
    method: 'POST',
    path: '/agents/{agent}/policies/{name}/try',
    group: 'agents',
    role: 'operator',
    summary: 'What a policy file, or other settings, would decide now; nothing is carried out, nothing kept',
    body: { as: 'json', schema: policyTryRequestSchema.omit({ name: true }).strict() },
    answer: policyTrialSchema,
    failures: [404, 422, 502],
  }),
  'agents.set-policy': endpoint({
    method: 'PUT',
    path: '/agents/{agent}/policies/{name}',
    group: 'agents',
    role: 'operator',
    summary:
      'Give an agent a policy file (content of policy-<name>.py, or of policy-<name>.ts with language typescript), or a policy that it has other settings; checked before anything changes',
    body: { as: 'json', schema: setPolicyRequestSchema.omit({ name: true }).strict() },
    answer: changeSchema,
    failures: [404, 422, 502],
  }),
  'agents.delete-policy': endpoint({
    method: 'DELETE',
    path: '/agents/{agent}/policies/{name}',
    group: 'agents',
    role: 'operator',
    summary: 'Take a policy from an agent',
    answer: changeSchema,
    failures: [404, 422, 502],
  }),
  'agents.set-config': endpoint({
    method: 'PUT',
    path: '/agents/{agent}/config',
    group: 'agents',
    role: 'operator',
    summary: 'Lay settings over the file that an agent was started with; kept over its restarts',
    body: { as: 'json', schema: setConfigRequestSchema.strict() },
    answer: changeSchema,
    failures: [404, 422, 502],
  }),
  'agents.delete-config': endpoint({
    method: 'DELETE',
    path: '/agents/{agent}/config/{name}',
    group: 'agents',
    role: 'operator',
    summary: 'Give a setting back to the file',
    answer: changeSchema,
    failures: [404, 422, 502],
  }),
} as const;
