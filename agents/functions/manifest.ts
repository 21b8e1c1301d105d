import { z } from 'zod';
import { layerSchema } from '../decision/record.ts';

/** What a function needs and promises; stands beside its WebAssembly module. */
export const functionManifestSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$/, 'a name is lower-case letters, digits and "-"'),
  /** SHA-256 of the module, hex: functions are kept by content. */
  module: z.string().regex(/^[0-9a-f]{64}$/),
  memoryPages: z.number().int().min(1).max(4096).default(16),
  /** ms that one call may take, its start included. */
  deadlineMs: z.number().int().positive().max(600_000).default(1000),
  layers: z.array(layerSchema).min(1).default(['node', 'cluster', 'continuum']),
  /** A call may be made again after a node was lost. */
  idempotent: z.boolean().default(false),
});
export type FunctionManifest = z.infer<typeof functionManifestSchema>;
