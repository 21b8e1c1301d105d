import { z } from 'zod';
import { modelsAnswerSchema } from '../../agents/bus/models.ts';
import { call } from './define.ts';

/** What predicts for an agent's decisions: learnt by its policies; of the continuum agent also models that were registered. Failures as of `policies.*`. */
export const modelsContract = {
  'models.list': call(z.object({ testbed: z.string(), agent: z.string().min(1) }), modelsAnswerSchema),
};
