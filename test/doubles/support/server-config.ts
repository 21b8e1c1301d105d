import { z } from 'zod';

/** What the kube-apiserver double is started with. */
export const serverConfigSchema = z.object({
  mode: z.enum(['cluster', 'karmada']),
  name: z.string(),
  port: z.number().int(),
  version: z.string(),
  podCidr: z.string(),
  serviceCidr: z.string(),
  caFile: z.string(),
  /** The authority's key: it signs the certificates that joining kubelets ask for. */
  caKeyFile: z.string(),
  certFile: z.string(),
  keyFile: z.string(),
  persistFile: z.string(),
});
export type ServerConfig = z.infer<typeof serverConfigSchema>;

export const doubleVersion = 'v1.36.2-double';
export const karmadaDoubleVersion = 'v1.18.2-double';
