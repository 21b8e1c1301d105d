import { z } from 'zod';
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
};
