import { z } from 'zod';
import { call, stream } from './define.ts';

/** What a person is asked for while hosts are connected to, as provisioning/ssh asks. The answer is kept in the core's memory alone. */
export const secretRequestSchema = z.object({
  kind: z.enum(['password', 'passphrase', 'sudo', 'one-time-code', 'keyboard-interactive']),
  host: z.string(),
  jumpHost: z.string().optional(),
  user: z.string(),
  /** One line to show. */
  prompt: z.string(),
  /** Whether what is typed may be seen. */
  echo: z.boolean(),
  file: z.string().optional(),
  /** 1 at first; 2 and 3 when the former answer was wrong. */
  attempt: z.number().int(),
});

export const secretEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ask'), id: z.string(), request: secretRequestSchema }),
  /** Somebody has answered, or nobody needs it any more. */
  z.object({ type: z.literal('settled'), id: z.string() }),
]);
export type SecretEvent = z.infer<typeof secretEventSchema>;

export const secretsContract = {
  /** Whoever listens may be asked for secrets of a testbed's hosts; while nobody does, what needs one fails. */
  'secrets.watch': stream(z.object({ testbed: z.string() }), secretEventSchema),
  /** null: there is none to give. */
  'secrets.answer': call(z.object({ id: z.string(), secret: z.string().nullable() }), z.object({})),
};
