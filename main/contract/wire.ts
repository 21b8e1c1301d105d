import { z } from 'zod';

/**
 * Frames on the channel (MessagePort or WebSocket), JSON. A stream starts with a `credit` of events, each with its weight (1, or as the
 * contract says), that may be sent before the receiver grants more; it grants as it consumes, so that a flood (a terminal, a log) never piles up on either side.
 */
export const clientFrameSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('call'), id: z.number().int(), name: z.string(), input: z.unknown() }),
  z.object({
    type: z.literal('open'),
    id: z.number().int(),
    name: z.string(),
    input: z.unknown(),
    credit: z.number().int().positive(),
  }),
  z.object({ type: z.literal('grant'), id: z.number().int(), credit: z.number().int().positive() }),
  z.object({ type: z.literal('close'), id: z.number().int() }),
]);
export type ClientFrame = z.infer<typeof clientFrameSchema>;

const errorSchema = z.object({ code: z.string(), message: z.string(), remedy: z.string().optional() });
export const serverFrameSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('answer'), id: z.number().int(), output: z.unknown() }),
  z.object({ type: z.literal('error'), id: z.number().int(), error: errorSchema }),
  z.object({ type: z.literal('event'), id: z.number().int(), event: z.unknown() }),
  z.object({ type: z.literal('end'), id: z.number().int(), error: errorSchema.optional() }),
]);
export type ServerFrame = z.infer<typeof serverFrameSchema>;

export const initialCredit = 64;
