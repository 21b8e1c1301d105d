import { z } from 'zod';
import { layerSchema } from '../decision/record.ts';

/** A sign of life, one every `intervalMs`; an agent that misses three is taken for dead. */
export const heartbeatSchema = z.object({
  agent: z.string().min(1),
  layer: layerSchema,
  cluster: z.string(),
  node: z.string().optional(),
  /** ms since the epoch, on the sender's clock. */
  time: z.number(),
  sequence: z.number().int().min(0),
  intervalMs: z.number().positive(),
  version: z.string(),
  startedAt: z.number(),
  /** Of a cluster that has two agents: whether it stands by while the other one decides and acts. Absent for an only agent. */
  standby: z.boolean().optional(),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;

export const agentRoleSchema = z.enum(['leading', 'standby']);
/** What an agent last said that it is; undefined for an only agent. */
export const roleOf = ({ standby }: Heartbeat): z.infer<typeof agentRoleSchema> | undefined =>
  standby === undefined ? undefined : standby ? 'standby' : 'leading';

/** One reading. `metric` is a snake_case name with its unit as suffix, as OpenMetrics wants it: cpu_used_ratio, latency_ms. */
export const sampleSchema = z.object({
  metric: z.string().min(1),
  value: z.number(),
  application: z.string().optional(),
  component: z.string().optional(),
  /** Node at the other end, of a reading of the link to it. */
  peer: z.string().optional(),
  /** Where the value comes from when it is not plainly measured: "model", "simulated". */
  source: z.string().optional(),
});
export type Sample = z.infer<typeof sampleSchema>;

export const telemetrySchema = z.object({
  agent: z.string(),
  cluster: z.string(),
  node: z.string(),
  time: z.number(),
  samples: z.array(sampleSchema),
});
export type Telemetry = z.infer<typeof telemetrySchema>;

export const componentStateSchema = z.enum(['pending', 'starting', 'running', 'leaving', 'failed']);
/** State of one application, as its agents see it: published when it changes, and every 5 s. */
export const applicationStatusSchema = z.object({
  application: z.string(),
  cluster: z.string(),
  time: z.number(),
  /** "deployed" only when every component has a ready pod. */
  state: z.enum(['deploying', 'deployed', 'degraded', 'removing', 'removed']),
  targets: z.array(z.object({ metric: z.string(), target: z.number(), relation: z.string(), unit: z.string() })),
  components: z.array(
    z.object({
      name: z.string(),
      state: componentStateSchema,
      node: z.string().nullable(),
      pod: z.string().nullable(),
      reason: z.string().optional(),
      /** Components that this one sends to. */
      sendsTo: z.array(z.string()),
    }),
  ),
});
export type ApplicationStatus = z.infer<typeof applicationStatusSchema>;

/** Answer of any request on the bus. */
export const replySchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.json() }),
  z.object({ ok: z.literal(false), error: z.string() }),
]);
export type Reply = z.infer<typeof replySchema>;
