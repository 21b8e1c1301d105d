import { z } from 'zod';

const nameSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'a name is lower-case letters, digits and "-", at most 63');
const cidrSchema = z.string().regex(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, 'a CIDR such as 10.11.0.0/16');

export const hostRoleSchema = z.enum(['management', 'master', 'worker']);
export type HostRole = z.infer<typeof hostRoleSchema>;

/** One host of `testbed.yaml`. Secrets never stand here: only names of key files. */
export const hostSchema = z.strictObject({
  name: nameSchema,
  address: z.string().min(1),
  port: z.number().int().min(1).max(65535).default(22),
  user: z.string().min(1).default('root'),
  identityFile: z.string().optional(),
  role: hostRoleSchema,
  /** The cluster it belongs to; the management host is its own cluster, "management". */
  cluster: nameSchema,
  labels: z.record(z.string(), z.string()).default({}),
});
export type Host = z.infer<typeof hostSchema>;

export const clusterSchema = z.strictObject({
  podCidr: cidrSchema,
  serviceCidr: cidrSchema,
});

export const testbedSchema = z.strictObject({
  name: nameSchema,
  kind: z.enum(['hosts', 'local', 'twin']),
  hosts: z.array(hostSchema),
  clusters: z.record(nameSchema, clusterSchema),
  kubernetes: z
    .strictObject({
      version: z
        .string()
        .regex(/^\d+\.\d+\.\d+$/)
        .default('1.36.2'),
      /** Merged into kubeadm's ClusterConfiguration, InitConfiguration and kubelet's KubeletConfiguration, e.g. for cgroup v1. */
      kubeadmOverrides: z.record(z.string(), z.json()).default({}),
      kubeletOverrides: z.record(z.string(), z.json()).default({}),
      ignorePreflightErrors: z.array(z.string()).default([]),
    })
    .prefault({}),
  artefacts: z
    .strictObject({
      /** Folder of an offline bundle (manifest.json beside the files); without it, artefacts come from their publishers. */
      bundle: z.string().optional(),
      mirror: z.url().optional(),
    })
    .prefault({}),
  preflight: z
    .strictObject({
      /** Ids of checks whose errors are told as warnings, e.g. "port-8000". */
      ignore: z.array(z.string()).default([]),
      /** Whether policies in Python will run there: then each host needs Python and pandas. */
      python: z.boolean().default(false),
    })
    .prefault({}),
  /** Application descriptions deployed at the end of a run; a twin has the smart-camera one by default. */
  applications: z.array(z.string()).default([]),
});
export type Testbed = z.infer<typeof testbedSchema>;
/** What a user may leave out is optional here. */
export type TestbedFile = z.input<typeof testbedSchema>;
