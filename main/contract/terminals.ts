import { z } from 'zod';
import { call, stream } from './define.ts';

export const terminalsContract = {
  /**
   * Opens a shell on a host (ssh2), or on this computer when `host` is "local" (node-pty), and streams its output until it ends. With `cluster`,
   * kubectl in a shell on this computer speaks with that one of the testbed ("karmada" is one), and its prompt says so. A terminal whose connection
   * was lost is kept for a minute: opened again by the same name, it goes on. A window that was loaded anew says `anew`, and is given what the shell
   * said last once more.
   */
  'terminals.open': stream(
    z.object({
      terminal: z.string().min(1).max(64),
      testbed: z.string().nullable(),
      host: z.string(),
      cluster: z.string().optional(),
      columns: z.number().int().min(2).max(1000),
      rows: z.number().int().min(1).max(1000),
      anew: z.boolean().optional(),
    }),
    z.discriminatedUnion('type', [
      /** The first event. `resumed`: it is the shell that was there before. */
      z.object({ type: z.literal('opened'), resumed: z.boolean() }),
      /** `again`: it was said before, so questions in it to the terminal have their answers already. */
      z.object({ type: z.literal('output'), data: z.string(), again: z.literal(true).optional() }),
      /** Both null: the connection to the host was lost. */
      z.object({ type: z.literal('exit'), code: z.number().int().nullable(), signal: z.string().nullable() }),
    ]),
    // In KiB: what a Ctrl-C has before it at most, and enough for the shell not to wait.
    { credit: 512, weigh: (event) => (event.type === 'output' ? 1 + (event.data.length >> 10) : 1) },
  ),
  'terminals.write': call(z.object({ terminal: z.string(), data: z.string().max(1_000_000) }), z.object({})),
  'terminals.resize': call(
    z.object({ terminal: z.string(), columns: z.number().int().min(2).max(1000), rows: z.number().int().min(1).max(1000) }),
    z.object({}),
  ),
};
