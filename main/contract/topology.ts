import { z } from 'zod';
import { agentRoleSchema, applicationStatusSchema } from '../../agents/bus/messages.ts';
import { layerSchema } from '../../agents/decision/record.ts';
import { call, stream } from './define.ts';

export const agentLifeSchema = z.object({
  agent: z.string(),
  layer: layerSchema,
  cluster: z.string(),
  node: z.string().optional(),
  /** ms since the epoch; null for an agent that was alive at a moment of the past: single beats are not kept. */
  lastHeartbeat: z.number().nullable(),
  alive: z.boolean(),
  version: z.string(),
  /** While it is alive, in a cluster that has two agents: whether it decides, or stands by. */
  role: agentRoleSchema.optional(),
});
export const topologySchema = z.object({
  time: z.number(),
  testbed: z.string(),
  kind: z.enum(['hosts', 'local', 'twin']),
  doubles: z.array(z.string()),
  continuum: z.object({ name: z.string(), karmada: z.string().nullable() }),
  clusters: z.array(
    z.object({
      name: z.string(),
      kubernetes: z.string().nullable(),
      joined: z.boolean(),
      role: z.enum(['management', 'member']),
    }),
  ),
  nodes: z.array(
    z.object({
      name: z.string(),
      cluster: z.string(),
      role: z.enum(['management', 'master', 'worker']),
      address: z.string(),
      /** null until Kubernetes has told. */
      ready: z.boolean().nullable(),
      cores: z.number().nullable(),
      frequencyGHz: z.number().nullable(),
      memoryBytes: z.number().nullable(),
    }),
  ),
  agents: z.array(agentLifeSchema),
  applications: z.array(applicationStatusSchema),
  /** Latest reading by "metric|node|component" (component empty for the node's own). */
  readings: z.record(z.string(), z.object({ value: z.number(), time: z.number() })),
});
export type Topology = z.infer<typeof topologySchema>;

export const topologyContract = {
  /** The whole picture, at most once a second and only when something changed. */
  'topology.watch': stream(z.object({ testbed: z.string() }), topologySchema),
  /**
   * The picture of a moment of the past, with the readings of then; null when nothing is known of then. `heardUntil`: nobody listened at
   * that moment, and this is how it stood when somebody last did.
   */
  'topology.at': call(
    z.object({ testbed: z.string(), time: z.number() }),
    z.object({ topology: topologySchema.nullable(), heardUntil: z.number().nullable() }),
  ),
  /** From the first to the last of what is kept of a testbed, ms since the epoch; null while there is nothing. */
  'topology.span': call(z.object({ testbed: z.string() }), z.object({ from: z.number(), to: z.number() }).nullable()),
};
