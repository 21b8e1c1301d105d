import { z } from 'zod';
import { policyChangeSchema, presentSchema } from './present.ts';
import { dryRunMinutes, dryRunProgressSchema, dryRunResultSchema } from './result.ts';

/** From the core to the process of a dry run. */
export const toDryRunSchema = z.object({
  present: presentSchema,
  change: policyChangeSchema,
  minutes: z.number().min(dryRunMinutes.least).max(dryRunMinutes.most),
  seed: z.number().int(),
});
export type ToDryRun = z.infer<typeof toDryRunSchema>;

/** And back: progress, then one of the others. */
export const fromDryRunSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), progress: dryRunProgressSchema }),
  z.object({ type: z.literal('done'), result: dryRunResultSchema }),
  z.object({ type: z.literal('failed'), error: z.string() }),
]);
export type FromDryRun = z.infer<typeof fromDryRunSchema>;
