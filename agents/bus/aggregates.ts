import { z } from 'zod';

/** Bins are pairs of numbers; a sketch has at most 2,048 of each sign. */
const binsSchema = z.array(z.number().int()).max(4096);
const countSchema = z.number().int().positive();

const placeSchema = z.number().int().nonnegative();

/** What a gauge was over the span; see `QuantileSketch.encode` in agents/telemetry/sketch.ts for the places. */
const gaugeSchema = z.union([
  z.tuple([countSchema, z.number()]),
  z.tuple([countSchema, z.number(), z.number(), z.number(), binsSchema]),
  z.tuple([countSchema, z.number(), z.number(), z.number(), binsSchema, binsSchema, z.number().int().nonnegative()]),
]);

/** How much a counter has grown over the span, resets taken into account, and where it stood last. */
const counterSchema = z.tuple([z.number().nonnegative(), z.number()]);

/**
 * What a node and its applications were like over a span, told by its cluster's agent instead of every reading: the continuum hears these.
 * Readings are grouped by where they are from, so that names are said once: a link of 1 Mbit/s carries 100 nodes of them.
 */
export const aggregateSchema = z.object({
  agent: z.string(),
  cluster: z.string(),
  node: z.string(),
  /** End of the span, ms since the epoch. */
  time: z.number(),
  spanMs: z.number().positive(),
  metrics: z.array(z.string()),
  groups: z.array(
    z.object({
      application: z.string().optional(),
      component: z.string().optional(),
      peer: z.string().optional(),
      source: z.string().optional(),
      /** Each with the place of its metric in `metrics`: components have the same ones. */
      gauges: z.array(z.tuple([placeSchema, gaugeSchema])).optional(),
      counters: z.array(z.tuple([placeSchema, counterSchema])).optional(),
    }),
  ),
});
export type Aggregate = z.infer<typeof aggregateSchema>;
