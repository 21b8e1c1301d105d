import { z } from 'zod';
import { stream } from './define.ts';

export const agentLogLineSchema = z.object({
  /** ms since the epoch, on the host's clock */
  time: z.number(),
  level: z.enum(['info', 'warn', 'error']),
  text: z.string(),
  details: z.record(z.string(), z.json()),
});

export const agentsContract = {
  /** The journal of an agent on its host, oldest first, in batches; with `follow` it goes on until it is closed. */
  'agents.logs': stream(
    z.object({
      testbed: z.string(),
      host: z.string(),
      layer: z.enum(['node', 'cluster', 'continuum']),
      follow: z.boolean().optional(),
      /** Of what is there already, at most so many. */
      lines: z.number().int().positive().max(10_000).optional(),
      /** ms since the epoch */
      since: z.number().optional(),
    }),
    z.array(agentLogLineSchema),
  ),
};
