import { z } from 'zod';

/** What can be done to a twin that cannot be done to a testbed. */
export const twinControlSchema = z.discriminatedUnion('kind', [
  /** People before every camera; null gives them back to chance. */
  z.object({ kind: z.literal('people'), people: z.number().int().min(0).max(14).nullable() }),
  z.object({ kind: z.literal('node'), node: z.string(), state: z.enum(['up', 'down']) }),
]);
export type TwinControl = z.infer<typeof twinControlSchema>;

export const twinNodeSchema = z.object({
  name: z.string(),
  cluster: z.string(),
  role: z.enum(['management', 'master', 'worker']),
  address: z.string(),
  cores: z.number(),
  frequencyGHz: z.number(),
});
export type TwinNode = z.infer<typeof twinNodeSchema>;

export const twinReadySchema = z.object({
  name: z.string(),
  /** Text of kubeconfigs by cluster: "management", "karmada", "cluster1". */
  kubeconfigs: z.record(z.string(), z.string()),
  clusters: z.array(z.object({ name: z.string(), role: z.enum(['management', 'member']) })),
  nodes: z.array(twinNodeSchema),
  /** Twin ms per real ms. */
  speed: z.number(),
});
export type TwinReady = z.infer<typeof twinReadySchema>;

/** From the core to the twin's process. */
export const toTwinSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    name: z.string().min(1),
    seed: z.number().int(),
    speed: z.number().positive(),
    /** Belongs to this twin alone; its agents keep their state there while it runs. */
    stateFolder: z.string().min(1),
    /** Texts of MLSysOpsApp descriptions to deploy; without it, the smart-camera application. */
    applications: z.array(z.string()).optional(),
  }),
  z.object({
    type: z.literal('request'),
    id: z.number().int(),
    subject: z.string(),
    payload: z.json(),
    timeoutMs: z.number().positive(),
  }),
  z.object({ type: z.literal('control'), id: z.number().int(), control: twinControlSchema }),
  z.object({ type: z.literal('stop') }),
]);
export type ToTwin = z.infer<typeof toTwinSchema>;

/** From the twin's process to the core. */
export const fromTwinSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), ready: twinReadySchema }),
  /** Every message on the twin's bus below "mls.". */
  z.object({ type: z.literal('bus'), subject: z.string(), payload: z.unknown() }),
  z.object({
    type: z.literal('log'),
    level: z.enum(['info', 'warn', 'error']),
    agent: z.string(),
    text: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
  z.object({ type: z.literal('reply'), id: z.number().int(), value: z.unknown().optional(), error: z.string().optional() }),
  z.object({ type: z.literal('failed'), error: z.string() }),
]);
export type FromTwin = z.infer<typeof fromTwinSchema>;
