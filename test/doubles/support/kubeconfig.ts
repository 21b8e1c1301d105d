import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { type MemberAccess, MemberClient } from '../../../provisioning/twin/karmada/member-client.ts';

const kubeconfigSchema = z.object({
  clusters: z.array(z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': z.string() }) })).min(1),
  users: z
    .array(
      z.object({
        user: z.object({
          token: z.string().optional(),
          'client-certificate-data': z.string().optional(),
          'client-key-data': z.string().optional(),
        }),
      }),
    )
    .min(1),
});

/** How to reach the API that a kubeconfig (one cluster, one user) names. @throws Error when it is not one */
export function accessFrom(file: string): MemberAccess {
  const { clusters, users } = kubeconfigSchema.parse(parse(readFileSync(file, 'utf8')));
  const decode = (value: string | undefined) => (value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8'));
  const user = users[0]?.user;
  return {
    url: clusters[0]?.cluster.server ?? '',
    ca: decode(clusters[0]?.cluster['certificate-authority-data']) ?? '',
    token: user?.token,
    cert: decode(user?.['client-certificate-data']),
    key: decode(user?.['client-key-data']),
  };
}

export const contextsOf = (file: string): string[] =>
  z
    .object({ contexts: z.array(z.object({ name: z.string() })) })
    .parse(parse(readFileSync(file, 'utf8')))
    .contexts.map(({ name }) => name);

export const clientFrom = (file: string): MemberClient => new MemberClient(accessFrom(file));

/** Asks again until an API answers that it is ready. @throws Error after `seconds` */
export async function awaitReady(client: MemberClient, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  let last = '';
  while (Date.now() < deadline) {
    try {
      await client.call('GET', '/readyz');
      return;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`timed out waiting for the API: ${last}`);
}
