import { z } from 'zod';
import { call } from './define.ts';

/** One thing that the app looked at, of itself or of a testbed. */
export const systemCheckSchema = z.object({
  id: z.string(),
  severity: z.enum(['ok', 'warning', 'error']),
  evidence: z.string(),
  remedy: z.string().optional(),
});
export type SystemCheck = z.infer<typeof systemCheckSchema>;

export const systemContract = {
  /** What the app sees of itself, and of a testbed. */
  'system.diagnose': call(
    z.object({ testbed: z.string().nullable() }),
    z.object({ app: z.array(systemCheckSchema), testbed: z.array(systemCheckSchema) }),
  ),
  /** The same and the ends of logs in one text, without secrets, for whoever helps. */
  'system.support': call(z.object({ testbed: z.string().nullable() }), z.object({ name: z.string(), text: z.string() })),
  'system.info': call(
    z.object({}),
    z.object({
      version: z.string(),
      /** Where the window runs: electron or browser; the core itself is always plain Node. */
      core: z.object({ pid: z.number(), node: z.string(), startedAt: z.number(), dataFolder: z.string() }),
      platform: z.string(),
      /** null when local hosts can be made here; else the one sentence why not, with the command that helps. */
      localHostsUnavailable: z.string().nullable(),
    }),
  ),
};
