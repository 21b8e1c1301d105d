import { z } from 'zod';
import { runEventSchema, runVerbSchema } from '../../provisioning/run/events.ts';
import { call, stream } from './define.ts';

export const runSummarySchema = z.object({
  run: z.string(),
  testbed: z.string(),
  verb: runVerbSchema,
  state: z.enum(['running', 'done', 'failed', 'cancelled', 'interrupted']),
  startedAt: z.number(),
  finishedAt: z.number().nullable(),
  summary: z.string().nullable(),
});
export type RunSummary = z.infer<typeof runSummarySchema>;

export const runsContract = {
  'runs.list': call(z.object({ testbed: z.string() }), z.array(runSummarySchema)),
  /** Everything that has happened in a run so far, then what happens, in batches; ends when the run has ended. */
  'runs.watch': stream(z.object({ run: z.string() }), z.array(runEventSchema)),
  'runs.cancel': call(z.object({ run: z.string() }), z.object({})),
  /** Holds a run back: what has begun goes on to its end, the hosts stay its own, and nothing further begins until it is told to go on. */
  'runs.pause': call(z.object({ run: z.string(), paused: z.boolean() }), z.object({})),
  /** Starts a run that has ended again, as it was asked for: what is in place stays, so it goes on from there. */
  'runs.again': call(z.object({ run: z.string(), takeOver: z.boolean().optional() }), z.object({ run: z.string() })),
};
