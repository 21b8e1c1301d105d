import { z } from 'zod';
import { call, stream } from './define.ts';

export const terminalsContract = {
  /** Opens a shell on a host (ssh2), or on this computer when `host` is "local" (node-pty), and streams its output until it ends. */
  'terminals.open': stream(
    z.object({
      terminal: z.string().min(1).max(64),
      testbed: z.string().nullable(),
      host: z.string(),
      columns: z.number().int().min(2).max(1000),
      rows: z.number().int().min(1).max(1000),
    }),
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('output'), data: z.string() }),
      z.object({ type: z.literal('exit'), code: z.number().int().nullable(), signal: z.string().nullable() }),
    ]),
  ),
  'terminals.write': call(z.object({ terminal: z.string(), data: z.string().max(1_000_000) }), z.object({})),
  'terminals.resize': call(
    z.object({ terminal: z.string(), columns: z.number().int().min(2).max(1000), rows: z.number().int().min(1).max(1000) }),
    z.object({}),
  ),
};
