import { z } from 'zod';
import { policyChangeSchema } from '../../provisioning/twin/dry-run/present.ts';
import { dryRunMinutes, dryRunProgressSchema, dryRunResultSchema } from '../../provisioning/twin/dry-run/result.ts';
import { stream } from './define.ts';

export const dryRunsContract = {
  /**
   * Simulates the agent's cluster twice from its present state on, with the policies as they are and with one changed, and tells what came of both. The
   * testbed is only looked at. Ends after "done"; whoever closes it cancels. "cannot-simulate" of a continuum's agent, "dry-run" of a policy that cannot be
   * used, "busy" while others are under way.
   */
  'policies.dryRun': stream(
    policyChangeSchema.extend({
      testbed: z.string(),
      minutes: z.number().min(dryRunMinutes.least).max(dryRunMinutes.most).default(dryRunMinutes.usual),
      /** Same seed, same scenario, on both sides. */
      seed: z.number().int().default(1),
    }),
    z.discriminatedUnion('type', [
      /** The present state has been read: so many nodes, components and readings. */
      z.object({ type: z.literal('present'), nodes: z.number(), components: z.number(), readings: z.number() }),
      dryRunProgressSchema.extend({ type: z.literal('progress') }),
      z.object({ type: z.literal('done'), result: dryRunResultSchema }),
    ]),
  ),
};
