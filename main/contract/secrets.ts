import { z } from 'zod';
import { call, stream } from './define.ts';

/** What a person is asked for while hosts are connected to, as provisioning/ssh asks. The answer stays in the core's memory, unless it is wanted kept. */
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
  z.object({
    type: z.literal('ask'),
    id: z.string(),
    request: secretRequestSchema,
    /** Whether the answer may be kept, encrypted by this computer's keychain. */
    canKeep: z.boolean(),
  }),
  /** Somebody has answered, or nobody needs it any more. */
  z.object({ type: z.literal('settled'), id: z.string() }),
]);
export type SecretEvent = z.infer<typeof secretEventSchema>;

export const secretsContract = {
  /** Whoever listens may be asked for secrets of a testbed's hosts; while nobody does, what needs one fails. */
  'secrets.watch': stream(z.object({ testbed: z.string() }), secretEventSchema),
  /** null: there is none to give. */
  'secrets.answer': call(
    z.object({ id: z.string(), secret: z.string().nullable(), keep: z.boolean().default(false) }),
    z.object({}),
  ),
  /** Brings the key of what is kept, 32 bytes in base64: from the window's process, which has the computer's keychain. Nothing of it can be asked back. */
  'secrets.unlock': call(z.object({ key: z.string().regex(/^[A-Za-z0-9+/]{43}=$/) }), z.object({})),
  /** How many passwords are kept for a testbed; `locked`: none can be, since no keychain was there. */
  'secrets.kept': call(z.object({ testbed: z.string() }), z.object({ kept: z.number().int(), locked: z.boolean() })),
  'secrets.forget': call(z.object({ testbed: z.string() }), z.object({})),
};
