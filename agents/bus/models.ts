import { z } from 'zod';
import { modeSchema } from './administration.ts';

/** Of a line: how much what is predicted grows with one more of a feature, in `unit`. Of a forest: the share of its splits that are on it. */
const weightSchema = z.object({ feature: z.string(), value: z.number(), unit: z.string() });
export type ModelWeight = z.infer<typeof weightSchema>;

export const modelRowSchema = z.object({
  /** Unique within the agent: "relocate-by-latency/camera/classifier/latency_ms", or the uid of a registered one. */
  id: z.string(),
  /** For people: "latency_ms of camera/classifier". */
  name: z.string(),
  /** "line and forest", "least squares", "LinUCB"; of a registered one what it says itself. */
  kind: z.string(),
  /** Learnt by a policy from telemetry, or registered by people and served over HTTP. */
  origin: z.enum(['policy', 'registered']),
  /** The policy that predicts with it. */
  policy: z.string().nullable(),
  /** Of the policy; of a registered one when it was registered, as ISO 8601. */
  version: z.string(),
  /**
   * predicting: enough was seen somewhere. learning: too little so far. unused: its policy decides by heuristics in mode 0. Of a registered one, asked now:
   * serving: it has answered its example. reachable: it answers HTTP, and has no example. failing: neither.
   */
  state: z.enum(['predicting', 'learning', 'unused', 'serving', 'reachable', 'failing']),
  /** Of failing, learning and unused. */
  reason: z.string().nullable(),
  /** Of what it predicts; "" for a count or a share. */
  unit: z.string(),
  /** Where a registered one is served. */
  endpoint: z.string().nullable(),
  /** What is predicted, as decisions name it in `expected`; null where no decision tells it. `application` and `component` null: of nodes. */
  predicts: z
    .object({ metric: z.string(), application: z.string().nullable(), component: z.string().nullable() })
    .nullable()
    .default(null),
  /**
   * Nodes that it predicts for. `by`: which of its learners does, and `why` that one, where there are several. `meanError` is the mean absolute
   * one of late, in `unit`; null where nobody keeps it. `weights`: what it has learnt, of the learner that predicts now.
   */
  places: z.array(
    z.object({
      node: z.string(),
      by: z.string(),
      why: z.string().nullable().default(null),
      samples: z.number().int(),
      meanError: z.number().nullable(),
      weights: z.array(weightSchema).default([]),
    }),
  ),
});
export type ModelRow = z.infer<typeof modelRowSchema>;

/** Verb "models": all that predicts something for the agent's decisions; of the continuum agent also what is registered. Answered by every agent that decides. */
export const modelsRequestSchema = z.object({});
export const modelsAnswerSchema = z.object({ mode: modeSchema, models: z.array(modelRowSchema) });
