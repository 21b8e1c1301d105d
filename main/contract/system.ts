import { z } from 'zod';
import { call } from './define.ts';

export const systemContract = {
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
