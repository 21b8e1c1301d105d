import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const registrationSchema = z.looseObject({
  name: z.string(),
  criSocket: z.string(),
  taints: z.array(z.looseObject({ key: z.string(), effect: z.string() })).optional(),
  kubeletExtraArgs: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
});
const apiVersion = z.literal('kubeadm.k8s.io/v1beta4');

export const initSchema = z.looseObject({
  apiVersion,
  kind: z.literal('InitConfiguration'),
  bootstrapTokens: z.array(z.looseObject({ token: z.string().regex(/^[a-z0-9]{6}\.[a-z0-9]{16}$/), ttl: z.string() })).min(1),
  localAPIEndpoint: z.object({ advertiseAddress: z.string(), bindPort: z.number().int() }),
  nodeRegistration: registrationSchema,
});
export const clusterSchema = z.looseObject({
  apiVersion,
  kind: z.literal('ClusterConfiguration'),
  clusterName: z.string(),
  kubernetesVersion: z.string(),
  controlPlaneEndpoint: z.string(),
  networking: z.looseObject({ podSubnet: z.string(), serviceSubnet: z.string() }),
  apiServer: z.looseObject({ certSANs: z.array(z.string()) }),
});
export const joinSchema = z.looseObject({
  apiVersion,
  kind: z.literal('JoinConfiguration'),
  discovery: z.object({
    bootstrapToken: z.object({ apiServerEndpoint: z.string(), token: z.string(), caCertHashes: z.array(z.string()).min(1) }),
  }),
  nodeRegistration: registrationSchema,
});

/** The document of one kind in a kubeadm file. @throws Error in kubeadm's words when it is missing or wrong */
export function readDocument<S extends z.ZodType>(file: string, kind: string, schema: S): z.output<S> {
  const documents = parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as unknown);
  const found = documents.find(
    (document) => typeof document === 'object' && document !== null && 'kind' in document && document.kind === kind,
  );
  if (found === undefined) throw new Error(`no ${kind} in ${file}`);
  const parsed = schema.safeParse(found);
  if (parsed.success) return parsed.data;
  throw new Error(`error unmarshaling configuration schema.GroupVersionKind{Kind:"${kind}"}: ${z.prettifyError(parsed.error)}`);
}

/** Text of the documents of other kinds: kubelet's configuration goes to kubelet as it came. */
export function documentText(file: string, kind: string): string | null {
  const found = parseAllDocuments(readFileSync(file, 'utf8')).find(
    (document) => (document.toJS() as { kind?: string }).kind === kind,
  );
  return found === undefined ? null : String(found);
}
