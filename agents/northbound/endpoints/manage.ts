import { z } from 'zod';
import {
  configTrustRequestSchema,
  pingAnswerSchema,
  setSystemTargetRequestSchema,
  systemTargetSchema,
} from '../../bus/administration.ts';
import { endpoint } from '../endpoint.ts';
import { changeSchema, saidSchema } from './agents.ts';

const pongSchema = pingAnswerSchema.extend({ roundTripMs: z.number() }).meta({ id: 'Pong' });

export const manageEndpoints = {
  'manage.ping': endpoint({
    method: 'GET',
    path: '/manage/ping',
    group: 'manage',
    role: 'viewer',
    summary: 'Asks one agent or all of them whether they are there. "ok" when each of them answers, "degraded" otherwise',
    query: z.strictObject({ agent: z.string().max(253).optional() }),
    answer: z.object({
      status: z.enum(['ok', 'degraded']),
      answered: z.array(pongSchema),
      silent: z.array(z.object({ agent: z.string(), error: z.string() })),
    }),
    failures: [404],
  }),
  'manage.set-mode': endpoint({
    method: 'PUT',
    path: '/manage/mode/{mode}',
    group: 'manage',
    role: 'operator',
    summary: 'Have all agents decide by heuristics (0) or by learnt models (1), from now on',
    answer: z.object({ mode: z.union([z.literal(0), z.literal(1)]), agents: z.array(saidSchema) }),
    failures: [502],
  }),
  'manage.targets': endpoint({
    method: 'GET',
    path: '/manage/system_target',
    group: 'manage',
    role: 'viewer',
    summary: 'What the whole system is to keep to, and how it does',
    answer: z.object({
      targets: z.array(
        systemTargetSchema.extend({
          /** Over all nodes, in the last minutes; null where nothing was measured. */
          mean: z.number().nullable(),
          met: z.boolean().nullable(),
        }),
      ),
    }),
  }),
  'manage.set-targets': endpoint({
    method: 'PUT',
    path: '/manage/system_target',
    group: 'manage',
    role: 'operator',
    summary: 'Set what the whole system is to keep to; what was set before is replaced',
    body: { as: 'json', schema: setSystemTargetRequestSchema.strict() },
    answer: changeSchema,
    failures: [422, 502],
  }),
  'manage.config-trust': endpoint({
    method: 'PUT',
    path: '/manage/trust',
    group: 'manage',
    role: 'operator',
    summary: 'Which indexes of trust count for how much, on which nodes; an empty list of nodes means all',
    body: { as: 'json', schema: configTrustRequestSchema.strict() },
    answer: z.object({ agents: z.array(saidSchema) }),
    failures: [404, 502],
  }),
} as const;
