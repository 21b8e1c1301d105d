import { z } from 'zod';
import { recordAnswerSchema, recordingsAnswerSchema, recordRequestSchema } from '../../agents/bus/administration.ts';
import { decisionRecordSchema } from '../../agents/decision/record.ts';
import { call, stream } from './define.ts';

export const decisionsContract = {
  /** Newest first. */
  'decisions.list': call(
    z.object({ testbed: z.string(), limit: z.number().int().min(1).max(1000).default(200), before: z.number().optional() }),
    z.array(decisionRecordSchema),
  ),
  'decisions.get': call(z.object({ testbed: z.string(), id: z.string() }), decisionRecordSchema),
  /** Each decision as it is made, and again at each revision. */
  'decisions.watch': stream(z.object({ testbed: z.string() }), decisionRecordSchema),
  /** Has an agent write down all that its decisions depend on, so that they can be decided again elsewhere: see agents/loop/recording.ts. */
  'decisions.record': call(recordRequestSchema.extend({ testbed: z.string(), agent: z.string() }), recordAnswerSchema),
  /** What an agent has recorded, oldest first. */
  'decisions.recordings': call(z.object({ testbed: z.string(), agent: z.string() }), recordingsAnswerSchema),
  /** The file, piece by piece (base64); ends when it is complete. */
  'decisions.recording': stream(
    z.object({ testbed: z.string(), agent: z.string(), name: z.string() }),
    z.object({ data: z.string() }),
  ),
};
