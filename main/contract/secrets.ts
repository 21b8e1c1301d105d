import { z } from 'zod';
import { call, stream } from './define.ts';

/** What a person is asked for while hosts are connected to, as provisioning/ssh asks. The answer stays in the core's memory, unless it is wanted kept. */
export const secretRequestSchema = z.object({
  /** Besides what hosts ask: vault, the passphrase that guards kept passwords; vault-new, one of the person's choice. Those are of no host. */
  kind: z.enum(['password', 'passphrase', 'sudo', 'one-time-code', 'keyboard-interactive', 'vault', 'vault-new']),
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
export type SecretQuestion = z.infer<typeof secretRequestSchema>;

export const secretEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ask'),
    id: z.string(),
    request: secretRequestSchema,
    /** What would guard the answer if it is to be kept; null: it cannot be kept. */
    keptBy: z.enum(['keychain', 'passphrase']).nullable(),
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
  /** How many passwords are kept for a testbed, as far as that is known while it is `locked`, and what guards them. */
  'secrets.kept': call(
    z.object({ testbed: z.string() }),
    z.object({ kept: z.number().int(), locked: z.boolean(), guard: z.enum(['none', 'keychain', 'passphrase']) }),
  ),
  /** Lets go of all kept passwords, and of a passphrase that was forgotten. */
  'secrets.reset': call(z.object({}), z.object({})),
  'secrets.forget': call(z.object({ testbed: z.string() }), z.object({})),
};
