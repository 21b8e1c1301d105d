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

/** Kubernetes version that a bundle's doubles play, told to esbuild when they are built. */
declare const __KUBERNETES_VERSION__: string | undefined;
export const defaultKubernetes = '1.36.2';
export const doubleVersion = `v${typeof __KUBERNETES_VERSION__ === 'undefined' ? defaultKubernetes : __KUBERNETES_VERSION__}-double`;
export const karmadaDoubleVersion = 'v1.18.2-double';
