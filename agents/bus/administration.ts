import { z } from 'zod';
import { decisionRecordSchema, layerSchema } from '../decision/record.ts';

/**
 * What people may ask of an agent, by the northbound API. Subjects: request(<agent>, verb), each verb as it is named here; every answer is a
 * Reply, whose value has the schema given beside the request.
 */

/** Verb "ping": who are you? Answered by every agent. */
export const pingRequestSchema = z.object({});
export const pingAnswerSchema = z.object({
  agent: z.string(),
  layer: layerSchema,
  cluster: z.string(),
  node: z.string().optional(),
  version: z.string(),
  /** ms since the epoch, on the agent's clock. */
  time: z.number(),
});

/** Verb "set-mode": 0 decides by heuristics, 1 by learnt models. Answered by every agent that decides. */
export const modeSchema = z.union([z.literal(0), z.literal(1)]);
export const setModeRequestSchema = z.object({ mode: modeSchema });
export const setModeAnswerSchema = z.object({ mode: modeSchema, before: modeSchema });

/** A policy's name: of a shipped one ("relocate-by-latency"), or of the file policy-<name>.py. No part of a path. */
export const policyNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'a policy\'s name has letters, digits, "-" and "_", at most 64 of them');

/** Verb "set-policy": gives the agent a policy file, or a policy it has other settings. It is checked before anything changes. */
export const policyLanguageSchema = z.enum(['typescript', 'python']);
export const setPolicyRequestSchema = z.object({
  name: policyNameSchema,
  /** Content of policy-<name>.py, a file of the framework, or of policy-<name>.ts. */
  content: z.string().max(200_000).optional(),
  language: policyLanguageSchema.default('python'),
  /** Settings of a shipped policy, whole. */
  settings: z.record(z.string(), z.json()).optional(),
});
/** Verb "delete-policy". */
export const deletePolicyRequestSchema = z.object({ name: policyNameSchema });
/** Verb "policies": which ones decide now. */
export const policiesRequestSchema = z.object({});
export const policiesAnswerSchema = z.object({
  mode: modeSchema,
  /** Names of all shipped ones of the layer, whether they decide or not. */
  known: z.array(z.string()),
  policies: z.array(z.object({ name: z.string(), version: z.string(), file: z.boolean() })),
});

export const policyRowSchema = z.object({
  name: z.string(),
  kind: z.enum(['shipped', 'typescript', 'python']),
  /** '' of a file that was never loaded. */
  version: z.string(),
  /**
   * deciding: nothing is wrong. off: shipped, and does not decide. failing: decides, but its last call went wrong. broken: its file cannot be loaded, and
   * nothing of it decides. outdated: its file cannot be loaded, the version before goes on.
   */
  state: z.enum(['deciding', 'off', 'failing', 'broken', 'outdated']),
  /** One sentence of what it does; '' where a file does not say. */
  summary: z.string(),
  /** The last thing that went wrong, and how often since it last worked. */
  error: z.object({ at: z.number(), text: z.string(), count: z.number().int() }).nullable(),
});
export type PolicyRow = z.infer<typeof policyRowSchema>;
/** Verb "policy-list": all policies of the agent, those that do not decide included. */
export const policyListRequestSchema = z.object({});
export const policyListSchema = z.object({ mode: modeSchema, takesFiles: z.boolean(), policies: z.array(policyRowSchema) });
/** Verb "policy-read": one of them, with what it is made of. */
export const policyReadRequestSchema = z.object({ name: policyNameSchema });
export const policyDetailSchema = policyRowSchema.extend({
  /** Of a file, as it lies there now. */
  source: z.string().nullable(),
  /** Of a shipped one that decides. */
  settings: z.record(z.string(), z.json()).nullable(),
  /** JSON Schema with defaults, of a shipped one. */
  settingsSchema: z.json().nullable(),
});
/** Verb "policy-try": has a file, or a shipped policy with other settings, look at the present situation. Nothing is carried out, nothing kept. */
export const policyTryRequestSchema = setPolicyRequestSchema;
export const policyTrialSchema = z.object({
  version: z.string(),
  triggers: z.array(
    z.object({ kind: z.string(), text: z.string(), application: z.string().optional(), component: z.string().optional() }),
  ),
  /** What it would decide about each trigger, as far as there is anything to decide. */
  decisions: z.array(decisionRecordSchema),
  /** What it printed. */
  log: z.array(z.string()),
  note: z.string().nullable(),
});
export type PolicyTrial = z.infer<typeof policyTrialSchema>;

/** Verb "set-config": settings by name, laid over the file that the agent was started with; kept over its restarts. */
export const setConfigRequestSchema = z.object({ settings: z.record(z.string(), z.json()) });
/** Verb "delete-config": gives names back to the file. */
export const deleteConfigRequestSchema = z.object({ names: z.array(z.string()).min(1).max(50) });

/** What set-policy, delete-policy, set-config and delete-config answer. */
export const changeAnswerSchema = z.object({
  changed: z.boolean(),
  /** What is different now, as a unified diff; empty when nothing is. */
  diff: z.string(),
  /** Whether it acts at once ("now"), or when the agent is next started ("restart"). */
  takesEffect: z.enum(['now', 'restart']).default('now'),
});
export type ChangeAnswer = z.infer<typeof changeAnswerSchema>;

/** Verb "set-system-target" of the continuum agent: what the whole system is to keep to. Keys are metrics of telemetry. */
export const systemTargetSchema = z.object({
  metric: z.string().min(1).max(100),
  target: z.number(),
  relation: z.enum(['lower_or_equal', 'greater_or_equal', 'equal', 'lower_than', 'greater_than']),
});
export const setSystemTargetRequestSchema = z.object({ targets: z.array(systemTargetSchema).max(50) });

export const trustIndexSchema = z.enum(['identity', 'behaviour', 'capability']);
export const trustWeightsSchema = z.record(trustIndexSchema, z.number().min(0).max(1));

/** Verb "config-trust" of the cluster agents: of which nodes, which indexes count for how much. */
export const configTrustRequestSchema = z.object({
  /** Kubernetes names; empty for all. */
  nodes: z.array(z.string().min(1).max(253)).max(1000),
  /** Index ("identity", "behaviour", "capability") to its weight. */
  weights: z.record(z.string().max(64), z.number().min(0).max(1)),
});

const recordingNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/);
/** Verb "record": writes down all that the agent's decisions depend on, for so long; `replay` decides it again. Answered by every agent that decides. */
export const recordRequestSchema = z.object({ seconds: z.number().min(1).max(3600) });
export const recordAnswerSchema = z.object({
  name: z.string(),
  /** ms since the epoch. */
  until: z.number(),
});
/** Verb "recordings": which ones there are, oldest first. */
export const recordingsRequestSchema = z.object({});
export const recordingsAnswerSchema = z.object({
  recordings: z.array(z.object({ name: z.string(), bytes: z.number(), begun: z.number(), isRunning: z.boolean() })),
});
/** Verb "recording": a part of one, from a byte on; `next` is where the following part begins. */
export const recordingRequestSchema = z.object({ name: recordingNameSchema, offset: z.number().int().min(0).default(0) });
export const recordingAnswerSchema = z.object({ base64: z.string(), next: z.number().nullable() });
