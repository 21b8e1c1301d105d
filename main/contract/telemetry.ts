import { z } from 'zod';
import { call, stream } from './define.ts';

/** A series is a metric of a node, or of a component on it. */
export const seriesKeySchema = z.object({
  metric: z.string(),
  node: z.string(),
  component: z.string().default(''),
  application: z.string().default(''),
});
export type SeriesKey = z.infer<typeof seriesKeySchema>;

export const seriesSchema = z.object({
  key: seriesKeySchema,
  unit: z.string(),
  /** "measured", "model" or "simulated". */
  source: z.string(),
  /** ms since the epoch, ascending. */
  times: z.array(z.number()),
  /** null marks a gap. */
  values: z.array(z.number().nullable()),
});
export type Series = z.infer<typeof seriesSchema>;

export const telemetryContract = {
  'telemetry.metrics': call(
    z.object({ testbed: z.string() }),
    z.array(z.object({ key: seriesKeySchema, unit: z.string(), last: z.number(), lastTime: z.number() })),
  ),
  /** Series by metric within [from, to], averaged into steps of `stepMs`. */
  'telemetry.query': call(
    z.object({
      testbed: z.string(),
      metrics: z.array(z.string()).min(1),
      from: z.number(),
      to: z.number(),
      stepMs: z.number().int().positive(),
    }),
    z.array(seriesSchema),
  ),
  /** Readings as they are kept, as a file of Parquet, piece by piece (base64), sorted by series and time. */
  'telemetry.parquet': stream(
    z.object({ testbed: z.string(), metrics: z.array(z.string()).min(1), from: z.number(), to: z.number() }),
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('piece'), data: z.string() }),
      z.object({ type: z.literal('done'), samples: z.number() }),
    ]),
  ),
  /** New readings as they come, batched once a second. */
  'telemetry.watch': stream(
    z.object({ testbed: z.string(), metrics: z.array(z.string()).optional() }),
    z.array(z.object({ key: seriesKeySchema, time: z.number(), value: z.number() })),
  ),
};
