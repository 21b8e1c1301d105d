import { z } from 'zod';

export const wayAnswerSchema = z.object({
  from: z.string(),
  to: z.string(),
  address: z.string(),
  port: z.number().int(),
  protocol: z.enum(['tcp', 'udp']),
  purpose: z.string(),
  either: z.string().optional(),
  /** silent: no answer in time; refused: though something listened there; unreachable: no route, or forbidden on the way; untried: see `detail`. */
  answer: z.enum(['open', 'silent', 'refused', 'unreachable', 'untried']),
  /** The system's own word, e.g. "No route to host". */
  detail: z.string().optional(),
});
export type WayAnswer = z.infer<typeof wayAnswerSchema>;

/** The matrix host × host × port, as far as the plan will use it. */
export const reachabilitySchema = z.object({ ways: z.array(wayAnswerSchema) });
export type Reachability = z.infer<typeof reachabilitySchema>;
