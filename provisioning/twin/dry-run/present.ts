import { z } from 'zod';
import {
  modeSchema,
  policyLanguageSchema,
  policyNameSchema,
  setPolicyRequestSchema,
} from '../../../agents/bus/administration.ts';
import { applicationSchema } from '../../../agents/descriptions/application.ts';
import { nodeSchema } from '../../../agents/descriptions/node.ts';
import { clusterSchema } from '../../testbed/schema.ts';
import { twinSchema } from '../../testbed/twin-schema.ts';

/** A series of the recent past, oldest first; times in ms since the epoch. */
export const pastSeriesSchema = z.object({
  metric: z.string(),
  node: z.string(),
  application: z.string().optional(),
  component: z.string().optional(),
  peer: z.string().optional(),
  source: z.string(),
  times: z.array(z.number()),
  values: z.array(z.number()),
});
export type PastSeries = z.infer<typeof pastSeriesSchema>;

export const presentNodeSchema = z.object({
  name: z.string(),
  ready: z.boolean(),
  unschedulable: z.boolean(),
  labels: z.record(z.string(), z.string()),
  taints: z.array(z.object({ key: z.string(), value: z.string(), effect: z.string() })),
  /** Allocatable, as Kubernetes says. */
  cores: z.number(),
  memoryBytes: z.number(),
  agentAlive: z.boolean(),
  description: nodeSchema.optional(),
});
export type PresentNode = z.infer<typeof presentNodeSchema>;

/** By what an agent decides. */
export const presentAgentSchema = z.object({
  agent: z.string(),
  layer: z.enum(['cluster', 'node']),
  node: z.string().optional(),
  mode: modeSchema,
  /** Shipped policies that decide, with their settings. */
  policies: z.record(policyNameSchema, z.record(z.string(), z.json())),
  files: z.array(z.object({ name: policyNameSchema, language: policyLanguageSchema, content: z.string() })),
  /** Files that decide there, and are not run here. */
  leftOut: z.array(policyNameSchema),
});
export type PresentAgent = z.infer<typeof presentAgentSchema>;

/** One cluster of a testbed as it stands: all that a dry run begins with. */
export const presentSchema = z.object({
  testbed: z.string(),
  cluster: z.string(),
  /** ms since the epoch, by the testbed's clock. */
  takenAt: z.number(),
  /** Of a simulated testbed: what its file says. */
  twin: z.object({ section: twinSchema.optional(), clusters: z.record(z.string(), clusterSchema).optional() }).optional(),
  nodes: z.array(presentNodeSchema).min(1),
  applications: z.array(
    z.object({
      description: applicationSchema,
      /** Node of each component; null where it does not run. */
      components: z.record(z.string(), z.string().nullable()),
    }),
  ),
  agents: z.array(presentAgentSchema).min(1),
  past: z.array(pastSeriesSchema),
});
export type Present = z.infer<typeof presentSchema>;

/** What is to be tried: a file, or settings of a shipped policy; or to go on without one. */
export const policyChangeSchema = z.object({
  agent: z.string().min(1),
  policy: z.union([setPolicyRequestSchema.strict(), z.strictObject({ name: policyNameSchema, off: z.literal(true) })]),
});
export type PolicyChange = z.infer<typeof policyChangeSchema>;
