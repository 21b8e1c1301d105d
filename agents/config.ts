import { z } from 'zod';
import { layerSchema } from './decision/record.ts';

/** What an agent is started with: /etc/mlsysops/<layer>.json on a testbed. Secrets are files that it names. */
export const agentConfigSchema = z.strictObject({
  /** Unique on the testbed: "node-worker-1", "cluster-cluster1", "continuum". */
  agent: z.string().min(1),
  layer: layerSchema,
  /** Cluster id, the same as Karmada's cluster name. The continuum agent has "management". */
  cluster: z.string().min(1),
  /** Kubernetes node name; node agents only. */
  node: z.string().optional(),
  /** MLSysOpsNode description of the agent's host, as provisioning has measured it; node agents only. */
  descriptionFile: z.string().optional(),
  version: z.string().default('0.1.0'),
  heartbeatMs: z.number().int().positive().default(1000),
  telemetryMs: z.number().int().positive().default(1000),
  bus: z
    .strictObject({
      servers: z.array(z.string()).min(1),
      caFile: z.string(),
      certFile: z.string(),
      keyFile: z.string(),
      user: z.string(),
      passwordFile: z.string(),
    })
    .optional(),
  /** API of the agent's own cluster (cluster agents), of the management cluster (continuum). */
  kubeconfigFile: z.string().optional(),
  /** Karmada's API (continuum). */
  karmadaKubeconfigFile: z.string().optional(),
  stateFolder: z.string().default('/var/lib/mlsysops'),
  northbound: z.strictObject({ host: z.string().default('127.0.0.1'), port: z.number().int(), tokenFile: z.string() }).optional(),
  /** Policies by name with their settings; absent means the shipped ones of the layer. */
  policies: z.record(z.string(), z.record(z.string(), z.json())).optional(),
  /** Policy files of the framework (policy-<name>.py), followed as they change, and the Python with pandas that runs them. */
  policyFiles: z
    .strictObject({
      folder: z.string(),
      python: z.string().default('python3'),
      packageFolders: z.array(z.string()).default([]),
      timeLimitS: z.number().positive().default(5),
      memoryLimitMB: z.number().int().min(256).default(1024),
    })
    .optional(),
});
export type AgentConfig = z.infer<typeof agentConfigSchema>;

export interface RunningAgent {
  stop(): Promise<void>;
}

export type Log = (level: 'info' | 'warn' | 'error', text: string, details?: Record<string, unknown>) => void;
