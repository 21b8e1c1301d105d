import { z } from 'zod';
import { call, stream } from './define.ts';
import { testbedSummarySchema } from './testbeds.ts';

/** Of a file that comes in, in base64: well below the largest frame. */
export const maximumPieceCharacters = 400_000;

/** A session as one file that can be looked at without its testbed: how it stood, what was measured and what was decided in a window of time. */
export const recordingsContract = {
  /** The file, piece by piece (base64); ends when it is complete. Its name ends in ".mlsysops-recording". */
  'recordings.save': stream(
    z.object({ testbed: z.string(), from: z.number(), to: z.number() }),
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('piece'), data: z.string() }),
      z.object({ type: z.literal('done'), samples: z.number(), decisions: z.number(), pictures: z.number() }),
    ]),
  ),
  /** A file comes in: pieces in order, then `recordings.open`, which makes a testbed of it that can only be looked at. */
  'recordings.begin': call(z.object({}), z.object({ upload: z.string() })),
  'recordings.piece': call(z.object({ upload: z.string(), data: z.base64().max(maximumPieceCharacters) }), z.object({})),
  'recordings.open': call(z.object({ upload: z.string() }), testbedSummarySchema),
};
