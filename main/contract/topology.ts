import { z } from 'zod';
import { applicationStatusSchema } from '../../agents/bus/messages.ts';
import { layerSchema } from '../../agents/decision/record.ts';
import { stream } from './define.ts';

export const agentLifeSchema = z.object({
  agent: z.string(),
  layer: layerSchema,
  cluster: z.string(),
  node: z.string().optional(),
  lastHeartbeat: z.number(),
  alive: z.boolean(),
  version: z.string(),
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
};
