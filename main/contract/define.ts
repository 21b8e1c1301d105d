import type { z } from 'zod';
import { initialCredit } from './wire.ts';

export const call = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) => ({ kind: 'call' as const, input, output });
/** `credit`: events that may be on their way, or wait for their receiver; few where they are large. */
export const stream = <I extends z.ZodType, E extends z.ZodType>(input: I, event: E, credit = initialCredit) => ({
  kind: 'stream' as const,
  input,
  event,
  credit,
});
