import type { z } from 'zod';

export const call = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) => ({ kind: 'call' as const, input, output });
export const stream = <I extends z.ZodType, E extends z.ZodType>(input: I, event: E) => ({
  kind: 'stream' as const,
  input,
  event,
});
