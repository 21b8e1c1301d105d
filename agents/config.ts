import { z } from 'zod';
import { layerSchema } from './decision/record.ts';
import { powerModelSchema } from './host/power-model.ts';
import { objectStorageConfigSchema } from './storage/object-storage.ts';

const port = (fallback: number) => z.number().int().min(0).max(65_535).default(fallback);
/** All addresses of the host. */
export const anyAddress = '0.0.0.0';
const host = z.string().default(anyAddress);

/** What a node agent opens and sends besides the bus; what is absent is off. */
export const telemetryConfigSchema = z.strictObject({
  /** Readings as OpenMetrics, for whoever collects them. */
  openMetrics: z.strictObject({ host, port: port(9999) }).optional(),
  /** OTLP/HTTP from components of the node: who may push, as CIDR. */
  receiver: z.strictObject({ host, port: port(43180), from: z.array(z.string()).default(['127.0.0.0/8']) }).optional(),
  /** Probes of the links to other nodes; all nodes of a cluster have the same port. */
  probe: z
    .strictObject({
      host,
      port: port(43181),
      intervalMs: z.number().int().min(1000).default(5000),
      transferIntervalMs: z.number().int().min(30_000).default(600_000),
    })
    .optional(),
  /** A collector that telemetry is sent on to by OTLP/HTTP; its headers as lines "Name: value". */
  otlp: z
    .strictObject({
      endpoint: z.url(),
      headersFile: z.string().optional(),
      caFile: z.string().optional(),
      intervalMs: z.number().int().min(1000).default(10_000),
    })
    .optional(),
  /** Of this host, where it has no energy counters and its processor is none of those that are known. */
  powerModel: powerModelSchema.optional(),
});
export type TelemetryConfig = z.infer<typeof telemetryConfigSchema>;

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
  /** How long a cluster agent gathers what its nodes say before it tells it upwards. */
  aggregateMs: z.number().int().positive().default(10_000),
  /** Node agents only. */
  telemetry: telemetryConfigSchema.optional(),
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
  /** Cluster agents only: there are several of them, and the one that holds the lease in the cluster's API decides and acts. */
  election: z.strictObject({ isStandby: z.boolean().default(false) }).optional(),
  /** S3-compatible storage whose buckets applications are described with; cluster agents only. */
  storage: objectStorageConfigSchema.optional(),
  stateFolder: z.string().default('/var/lib/mlsysops'),
  /** The API of the continuum agent. */
  northbound: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.number().int(),
      /** An operator's token as it is. */
      tokenFile: z.string(),
      /** Hashed tokens of others, with their roles: see tokensFileSchema in agents/northbound/tokens.ts. */
      tokensFile: z.string().optional(),
      /** PEM; with both it is HTTPS. */
      certFile: z.string().optional(),
      keyFile: z.string().optional(),
      /** Requests of one token: in the long run, and at once. */
      limit: z
        .strictObject({ perSecond: z.number().positive().default(50), burst: z.number().int().positive().default(100) })
        .default({ perSecond: 50, burst: 100 }),
    })
    .refine((it) => (it.certFile === undefined) === (it.keyFile === undefined), 'certFile and keyFile belong together')
    .optional(),
  /** Policies by name with their settings; absent means the shipped ones of the layer. */
  policies: z.record(z.string(), z.record(z.string(), z.json())).optional(),
  /**
   * Policy files (policy-<name>.ts, and policy-<name>.py of the framework), followed as they change, and the Python with pandas that runs the latter.
   * Without it they lie in <stateFolder>/<agent>.policies; false: there are none.
   */
  policyFiles: z
    .union([
      z.literal(false),
      z.strictObject({
        folder: z.string().optional(),
        python: z.string().default('python3'),
        packageFolders: z.array(z.string()).default([]),
        timeLimitS: z.number().positive().default(5),
        memoryLimitMB: z.number().int().min(256).default(1024),
      }),
    ])
    .optional(),
});
export type AgentConfig = z.infer<typeof agentConfigSchema>;

export interface RunningAgent {
  /** Resolves when it decides, where it does so only after it was started. */
  begun?: Promise<void>;
  stop(): Promise<void>;
}

export type Log = (level: 'info' | 'warn' | 'error', text: string, details?: Record<string, unknown>) => void;
