import { z } from 'zod';
import { call } from './define.ts';

/** It is typed: a line break would run it. */
const typedCommand = z.string().regex(/^[^\p{Cc}]*$/u, 'a command to be typed has no control characters');

/** What the app can do about something that it found. A `command` is typed into the shell, not run. */
export const checkActionSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('set-up') }),
  z.object({ kind: z.literal('renew-certificates') }),
  z.object({ kind: z.literal('make-private') }),
  z.object({ kind: z.literal('show-testbeds') }),
  z.object({ kind: z.literal('forget-passwords') }),
  z.object({ kind: z.literal('shell'), host: z.string(), command: typedCommand.optional() }),
  z.object({ kind: z.literal('kubectl'), cluster: z.string(), command: typedCommand.optional() }),
]);
export type CheckAction = z.infer<typeof checkActionSchema>;

/** One thing that the app looked at, of itself or of a testbed. */
export const systemCheckSchema = z.object({
  id: z.string(),
  severity: z.enum(['ok', 'warning', 'error']),
  evidence: z.string(),
  remedy: z.string().optional(),
  action: checkActionSchema.optional(),
});
export type SystemCheck = z.infer<typeof systemCheckSchema>;

export const systemContract = {
  /** What the app sees of itself, and of a testbed. */
  'system.diagnose': call(
    z.object({ testbed: z.string().nullable() }),
    z.object({ app: z.array(systemCheckSchema), testbed: z.array(systemCheckSchema) }),
  ),
  /** Makes the data folder this user's alone. */
  'system.makePrivate': call(z.object({}), z.object({})),
  /** The same, versions and logs as a .tar.gz (base64), without secrets, for whoever helps. */
  'system.support': call(z.object({ testbed: z.string().nullable() }), z.object({ name: z.string(), data: z.base64() })),
  'system.info': call(
    z.object({}),
    z.object({
      version: z.string(),
      /** Where the window runs: electron or browser; the core itself is always plain Node. */
      core: z.object({ pid: z.number(), node: z.string(), startedAt: z.number(), dataFolder: z.string() }),
      platform: z.string(),
      /** null when local hosts can be made here; else the one sentence why not, with the command that helps. */
      localHostsUnavailable: z.string().nullable(),
      /** Twins that were up when the core before was cut off; `again`: they are started again, as they were. */
      restored: z.array(z.object({ testbed: z.string(), again: z.boolean() })),
    }),
  ),
};
