import { z } from 'zod';
import { expressionSchema } from './expression.ts';

/** Layers of the continuum, outermost first. */
export const layerSchema = z.enum(['continuum', 'cluster', 'node']);
export type Layer = z.infer<typeof layerSchema>;

/** Something the decision rests on: a measured, configured or predicted value, with its age and where it came from. */
export const premiseSchema = z.object({
  id: z.string().min(1),
  /** For people, in the field's terms: "People in view". */
  name: z.string().min(1),
  value: z.number(),
  unit: z.string(),
  /** When it was measured, ms since the epoch. */
  at: z.number(),
  /** Metric and place it was read from, e.g. "frame_classify_latency_ms of classifier on worker-1". */
  source: z.string(),
  /** What this premise usually is (median of the recent past): the base that contributions are told against. */
  usual: z.number(),
  /** Range that a what-if may try; absent for premises that are facts rather than readings. */
  range: z.tuple([z.number(), z.number()]).optional(),
});
export type Premise = z.infer<typeof premiseSchema>;

export const outcomeSchema = z.object({
  metric: z.string().min(1),
  unit: z.string(),
  value: z.number(),
  /** Standard deviation of the prediction; 0 when it is exact. */
  deviation: z.number().min(0),
  expression: expressionSchema.optional(),
  /** What the model that predicted it said of its reasons, where it is not an expression: Shapley values by premise, about a base. */
  explanation: z.object({ base: z.number(), contributions: z.record(z.string(), z.number()) }).optional(),
});
export type Outcome = z.infer<typeof outcomeSchema>;

export const termSchema = z.object({ name: z.string().min(1), value: z.number(), expression: expressionSchema });
export type Term = z.infer<typeof termSchema>;

export const actionSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('stay'), component: z.string().optional(), host: z.string().optional() }),
  z.object({ kind: z.literal('deploy'), component: z.string(), host: z.string() }),
  z.object({ kind: z.literal('move'), component: z.string(), from: z.string(), to: z.string() }),
  z.object({ kind: z.literal('remove'), component: z.string(), host: z.string() }),
  z.object({ kind: z.literal('placeOnCluster'), component: z.string(), cluster: z.string() }),
  /** Any other mechanism: its name and its command. */
  z.object({ kind: z.literal('command'), mechanism: z.string(), command: z.json() }),
]);
export type Action = z.infer<typeof actionSchema>;

export const candidateSchema = z.object({
  id: z.string().min(1),
  /** "Move to worker-2". */
  label: z.string().min(1),
  action: actionSchema,
  /** Present when a constraint forbids it; such a candidate has no score. */
  rejected: z.object({ rule: z.string(), reason: z.string() }).optional(),
  predicted: z.array(outcomeSchema),
  terms: z.array(termSchema),
  /** Sum of the terms; more is better. null when rejected. */
  score: z.number().nullable(),
});
export type Candidate = z.infer<typeof candidateSchema>;

export const planStatusSchema = z.enum(['queued', 'scheduled', 'pending', 'completed', 'failed', 'discarded']);
/** What one mechanism is told to do. */
export const mechanismCommandSchema = z.object({ mechanism: z.string(), command: z.json() });
export type MechanismCommand = z.infer<typeof mechanismCommandSchema>;

export const planSchema = z.object({
  id: z.string(),
  /** Carried out in this order: all of them, or none. */
  commands: z.array(mechanismCommandSchema),
  status: planStatusSchema,
  steps: z.array(
    z.object({ title: z.string(), at: z.number(), durationMs: z.number().nullable(), error: z.string().optional() }),
  ),
});
export type Plan = z.infer<typeof planSchema>;

/**
 * One decision of one agent, acts and non-acts alike: the value that the loop writes, the bus carries, the store keeps and the
 * desktop draws. It is published again with a higher `revision` as its plan proceeds and when its outcome is known.
 */
export const decisionRecordSchema = z.object({
  id: z.string().min(1),
  revision: z.number().int().min(0),
  /** ms since the epoch. */
  time: z.number(),
  agent: z.object({ id: z.string(), layer: layerSchema, cluster: z.string(), node: z.string().optional() }),
  policy: z.object({ name: z.string(), version: z.string() }),
  application: z.string().optional(),
  component: z.string().optional(),
  trigger: z.object({ kind: z.string(), text: z.string() }),
  premises: z.array(premiseSchema),
  candidates: z.array(candidateSchema).min(1),
  /** Candidates that were scored or ruled out like these, but are not recorded: those with the lowest scores. Absent when all are here. */
  leftOut: z.object({ feasible: z.number().int().min(0), rejected: z.number().int().min(0) }).optional(),
  /** Candidate id of what was chosen, and of staying put, which it was held against. */
  choice: z.string(),
  stay: z.string(),
  /** Score of the best feasible change minus score of staying; null when there is no feasible change. */
  margin: z.number().nullable(),
  /** What a change must win by. */
  neededMargin: z.number().min(0),
  /** ms since the epoch until which no further change of this component is made. */
  coolDownUntil: z.number().optional(),
  exploration: z.boolean(),
  /** Seconds after which the actual outcome is taken. */
  horizonS: z.number().positive(),
  expected: z.array(outcomeSchema),
  plan: planSchema.optional(),
  actual: z.object({ at: z.number(), outcomes: z.array(outcomeSchema), regret: z.number().nullable() }).optional(),
  /** Short title, "Moved detector to worker-2"; and the whole reason in one plain sentence. */
  title: z.string(),
  sentence: z.string(),
});
export type DecisionRecord = z.infer<typeof decisionRecordSchema>;

export const isAct = (record: DecisionRecord): boolean => record.choice !== record.stay;
