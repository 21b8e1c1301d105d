import { z } from 'zod';
import { clusterSchema } from '../testbed/schema.ts';
import { twinSchema } from '../testbed/twin-schema.ts';
import { fastest, slowest } from './simulation/speed.ts';

/** What can be done to a twin that cannot be done to a testbed. */
export const twinControlSchema = z.discriminatedUnion('kind', [
  /** People before every camera; null gives them back to chance. */
  z.object({ kind: z.literal('people'), people: z.number().int().min(0).max(14).nullable() }),
  z.object({ kind: z.literal('node'), node: z.string(), state: z.enum(['up', 'down']) }),
  /** Time stands still, and everything with it; and goes on. */
  z.object({ kind: z.literal('pause') }),
  z.object({ kind: z.literal('resume') }),
  /** Twin seconds per real second. */
  z.object({ kind: z.literal('speed'), speed: z.number().min(slowest).max(fastest) }),
]);
export type TwinControl = z.infer<typeof twinControlSchema>;

/** The twin's time as it is now. */
export const twinClockSchema = z.object({
  /** ms since the epoch, by the twin's clock: times of its telemetry and decisions. */
  time: z.number(),
  startedAt: z.number(),
  paused: z.boolean(),
  /** Wanted, twin seconds per real second. */
  speed: z.number(),
  /** Over the last seconds: less than wanted where this computer is too slow; 0 while paused. */
  reached: z.number(),
});
export type TwinClock = z.infer<typeof twinClockSchema>;

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
  /** On this computer's loopback; the token is an operator's. */
  northbound: z.object({ url: z.url(), token: z.string() }),
  /** Twin ms per real ms. */
  speed: z.number(),
});
export type TwinReady = z.infer<typeof twinReadySchema>;

/** From the core to the twin's process. */
export const toTwinSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    name: z.string().min(1),
    /** What is simulated, and the networks of its clusters; without, the framework's testbed of four. */
    twin: twinSchema.optional(),
    clusters: z.record(z.string(), clusterSchema).optional(),
    /** By default as the section says. */
    seed: z.number().int().optional(),
    speed: z.number().min(slowest).max(fastest).optional(),
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
  /** Answered with the twin's time after it; without a control, with that alone. */
  z.object({ type: z.literal('control'), id: z.number().int(), control: twinControlSchema.optional() }),
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
    /** ms since the epoch, by the twin's clock; by this computer's while there is none yet. */
    time: z.number(),
    level: z.enum(['info', 'warn', 'error']),
    agent: z.string(),
    text: z.string(),
    details: z.record(z.string(), z.json()).optional(),
  }),
  z.object({ type: z.literal('reply'), id: z.number().int(), value: z.unknown().optional(), error: z.string().optional() }),
  z.object({ type: z.literal('failed'), error: z.string() }),
]);
export type FromTwin = z.infer<typeof fromTwinSchema>;
