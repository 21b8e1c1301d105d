import { z } from 'zod';
import { endpoint } from '../endpoint.ts';

const featuresSchema = z.record(z.string().max(100), z.number()).refine((features) => Object.keys(features).length <= 1000);

export const modelSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'letters, digits, ".", "_" and "-", at most 63 of them'),
  /** What it does, for people and for searching: "regression", "latency". */
  kind: z.string().max(100).optional(),
  /** Where it is served: POST <endpoint>/prediction {data, explanation} → {inference, explanation}. */
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  /** Container to serve it with. Not done here yet. */
  image: z.string().max(500).optional(),
  /** Data to try it with: whether it serves is seen by asking it. */
  example: featuresSchema.optional(),
  timeout_ms: z.number().int().min(10).max(10_000).default(2000),
});
export type Model = z.infer<typeof modelSchema>;

const stateSchema = z.object({
  /** "serving": it has answered its example; "reachable": it answers HTTP, and has no example to be asked; "failing": neither. */
  state: z.enum(['serving', 'reachable', 'failing']),
  reason: z.string().nullable(),
  roundTripMs: z.number().nullable(),
});
export type ModelState = z.infer<typeof stateSchema>;
const registeredSchema = modelSchema
  .omit({ image: true })
  .required({ endpoint: true })
  .extend({ uid: z.string(), registeredAt: z.number() })
  .meta({ id: 'Model' });
export type RegisteredModel = z.infer<typeof registeredSchema>;
export const registeredModelSchema = registeredSchema;

export const mlEndpoints = {
  'ml.deploy': endpoint({
    method: 'POST',
    path: '/ml/deploy_ml',
    group: 'ml',
    role: 'operator',
    summary: 'Register a model that is served over HTTP. It is asked at once; one of that name is replaced',
    body: { as: 'json', schema: modelSchema },
    answer: registeredSchema.extend(stateSchema.shape),
    idempotent: true,
    failures: [409, 422, 501],
  }),
  'ml.list': endpoint({
    method: 'GET',
    path: '/ml/list_all',
    group: 'ml',
    role: 'viewer',
    summary: 'All registered models',
    query: z.strictObject({ kind: z.string().max(100).optional() }),
    answer: z.array(registeredSchema),
  }),
  'ml.status': endpoint({
    method: 'GET',
    path: '/ml/status/{uid}',
    group: 'ml',
    role: 'viewer',
    summary: 'Whether a model serves now: it is asked. uid, or its name',
    answer: registeredSchema.extend(stateSchema.shape),
    failures: [404],
  }),
  'ml.remove': endpoint({
    method: 'DELETE',
    path: '/ml/remove/{uid}',
    group: 'ml',
    role: 'operator',
    summary: 'Forget a model; whoever serves it is not touched',
    answer: z.object({ uid: z.string(), name: z.string() }),
    failures: [404],
  }),
  'ml.predict': endpoint({
    method: 'POST',
    path: '/ml/predict/{uid}',
    group: 'ml',
    role: 'viewer',
    summary: 'A prediction of a registered model, with its own explanation where it gives one',
    body: { as: 'json', schema: z.strictObject({ data: featuresSchema }) },
    answer: z.object({
      inference: z.number(),
      /** Shapley values by feature, about the base value. */
      explanation: z.object({ base: z.number(), contributions: z.record(z.string(), z.number()) }).nullable(),
    }),
    failures: [404, 502],
  }),
} as const;
