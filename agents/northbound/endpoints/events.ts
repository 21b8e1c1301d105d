import { z } from 'zod';
import { decisionRecordSchema } from '../../decision/record.ts';
import { endpoint } from '../endpoint.ts';
import { agentSchema } from './agents.ts';
import { statusSchema } from './apps.ts';

export const eventKindSchema = z.enum(['decision', 'application', 'agent']);
export type EventKind = z.infer<typeof eventKindSchema>;

export const eventSchema = z.discriminatedUnion('kind', [
  /** A decision, and each later revision of it. */
  z.object({ kind: z.literal('decision'), decision: decisionRecordSchema.meta({ id: 'Decision' }) }),
  /** An application's state has changed. */
  z.object({ kind: z.literal('application'), application: statusSchema }),
  /** An agent was heard for the first time, has started anew, has fallen silent, or is back. */
  z.object({ kind: z.literal('agent'), agent: agentSchema }),
  /** What came after the Last-Event-ID is not kept any more, at least in part. */
  z.object({ kind: z.literal('gap'), reason: z.string() }),
]);
export type NorthboundEvent = z.infer<typeof eventSchema>;

export const eventEndpoints = {
  events: endpoint({
    method: 'GET',
    path: '/events',
    group: 'events',
    role: 'viewer',
    summary:
      'Decisions, changes of applications, and agents that come and go, as server-sent events; with Last-Event-ID it goes on from there',
    query: z.strictObject({
      /** Comma-separated; without it, all. */
      kinds: z
        .string()
        .transform((words) => words.split(','))
        .pipe(z.array(eventKindSchema))
        .optional(),
    }),
    answer: eventSchema,
    stream: true,
  }),
} as const;
