import { z } from 'zod';

/** What a metric was like over a window: of a gauge mean and quantiles (within 1 %), of a counter its rate. */
export const figuresSchema = z
  .object({
    metric: z.string(),
    component: z.string().optional(),
    node: z.string().optional(),
    /** Node at the other end, of what is told of a link. */
    peer: z.string().optional(),
    /** Readings. */
    count: z.number().int().optional(),
    mean: z.number().optional(),
    p50: z.number().optional(),
    p95: z.number().optional(),
    p99: z.number().optional(),
    lowest: z.number().optional(),
    highest: z.number().optional(),
    /** Growth per second, of a counter. */
    perSecond: z.number().optional(),
  })
  .meta({ id: 'Figures' });
export type Figures = z.infer<typeof figuresSchema>;

/** The continuum hears aggregates of the last five minutes. */
export const windowQuerySchema = z.strictObject({ window_s: z.coerce.number().positive().max(300).default(300) });
