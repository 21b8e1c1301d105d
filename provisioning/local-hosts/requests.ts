import { z } from 'zod';

/** Names become folders, interfaces and namespaces: letters, digits and "-" alone. */
const nameSchema = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, 'lower-case letters, digits and "-", at most 32');
const testbedHost = { testbed: nameSchema, host: nameSchema };

/** The helper's fixed verbs, and what each takes. Nothing else reaches root. */
export const requestSchema = z.discriminatedUnion('verb', [
  z.object({ verb: z.literal('check') }),
  z.object({ verb: z.literal('base') }),
  z.object({
    verb: z.literal('create'),
    testbed: nameSchema,
    hosts: z
      .array(z.object({ name: nameSchema, cpus: z.number().min(0.1).max(256).default(1) }))
      .min(1)
      .max(32),
    authorizedKey: z
      .string()
      .regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/=]+( [\w@.-]*)?$/, 'one OpenSSH public key'),
    /** Process that the hosts belong to (a test run): `clean` destroys them once it is gone. Absent: they stay until destroyed. */
    ownerPid: z.number().int().positive().optional(),
  }),
  z.object({ verb: z.literal('start'), ...testbedHost }),
  z.object({ verb: z.literal('stop'), ...testbedHost }),
  z.object({ verb: z.literal('power-cut'), ...testbedHost }),
  z.object({ verb: z.literal('partition'), ...testbedHost }),
  z.object({ verb: z.literal('heal'), ...testbedHost }),
  z.object({ verb: z.literal('re-image'), ...testbedHost }),
  z.object({ verb: z.literal('destroy'), testbed: nameSchema }),
  z.object({ verb: z.literal('list') }),
  z.object({ verb: z.literal('clean') }),
]);
export type HelperRequest = z.infer<typeof requestSchema>;

export const localHostSchema = z.object({
  name: z.string(),
  address: z.string(),
  port: z.number().int(),
  user: z.string(),
  /** Public host keys, as lines of OpenSSH: "ssh-ed25519 AAAA…". */
  hostKeys: z.array(z.string()),
});
export type LocalHost = z.infer<typeof localHostSchema>;

export const answerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), text: z.string() }),
  z.object({ type: z.literal('done'), value: z.json() }),
  z.object({ type: z.literal('failed'), message: z.string() }),
]);
