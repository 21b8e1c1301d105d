import type { z } from 'zod';
import { initialCredit } from './wire.ts';

export const call = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) => ({ kind: 'call' as const, input, output });
/** How much of a stream may be on its way, or wait for its receiver: both ends weigh each event the same. */
interface Flow<E extends z.ZodType> {
  credit: number;
  weigh(event: z.output<E>): number;
}
const byEvents = { credit: initialCredit, weigh: () => 1 };

export const stream = <I extends z.ZodType, E extends z.ZodType>(input: I, event: E, flow: Flow<E> = byEvents) => ({
  kind: 'stream' as const,
  input,
  event,
  ...flow,
});
