import { z } from 'zod';
import { stream } from './define.ts';

export const northboundContract = {
  /** The way to the northbound API of a testbed, told once; it is held open until the stream is closed. */
  'northbound.reach': stream(
    z.object({ testbed: z.string() }),
    z.object({
      url: z.url(),
      /** An operator's. */
      token: z.string(),
      /** PEM; null where it is plain HTTP, on this computer's loopback. */
      authority: z.string().nullable(),
    }),
  ),
};
