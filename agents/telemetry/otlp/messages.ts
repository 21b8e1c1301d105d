import { z } from 'zod';
import type { Message, MessageType } from './wire.ts';

/*
 * OTLP metrics, after opentelemetry/proto/metrics/v1/metrics.proto and its HTTP/JSON encoding (https://opentelemetry.io/docs/specs/otlp), as far as we use it:
 * exemplars, scopes and nested attribute values are passed over.
 */
const anyValue: MessageType = {
  1: { name: 'stringValue', type: 'string' },
  2: { name: 'boolValue', type: 'bool' },
  3: { name: 'intValue', type: 'varint' },
  4: { name: 'doubleValue', type: 'double' },
};
const keyValue: MessageType = { 1: { name: 'key', type: 'string' }, 2: { name: 'value', type: () => anyValue } };
const attributes = { name: 'attributes', type: () => keyValue, repeated: true } as const;
const times: MessageType = {
  2: { name: 'startTimeUnixNano', type: 'fixed64' },
  3: { name: 'timeUnixNano', type: 'fixed64' },
};
const numberPoint: MessageType = {
  ...times,
  4: { name: 'asDouble', type: 'double' },
  6: { name: 'asInt', type: 'sfixed64' },
  7: attributes,
};
const histogramPoint: MessageType = {
  ...times,
  4: { name: 'count', type: 'fixed64' },
  5: { name: 'sum', type: 'double' },
  6: { name: 'bucketCounts', type: 'fixed64', repeated: true },
  7: { name: 'explicitBounds', type: 'double', repeated: true },
  9: attributes,
};
const buckets: MessageType = {
  1: { name: 'offset', type: 'sint32' },
  2: { name: 'bucketCounts', type: 'varint', repeated: true },
};
const exponentialPoint: MessageType = {
  1: attributes,
  ...times,
  4: { name: 'count', type: 'fixed64' },
  5: { name: 'sum', type: 'double' },
  6: { name: 'scale', type: 'sint32' },
  7: { name: 'zeroCount', type: 'fixed64' },
  8: { name: 'positive', type: () => buckets },
  9: { name: 'negative', type: () => buckets },
};
const summaryQuantile: MessageType = { 1: { name: 'quantile', type: 'double' }, 2: { name: 'value', type: 'double' } };
const summaryPoint: MessageType = {
  ...times,
  4: { name: 'count', type: 'fixed64' },
  5: { name: 'sum', type: 'double' },
  6: { name: 'quantileValues', type: () => summaryQuantile, repeated: true },
  7: attributes,
};
const temporality = { name: 'aggregationTemporality', type: 'varint' } as const;
const pointsOf = (point: MessageType): MessageType => ({ 1: { name: 'dataPoints', type: () => point, repeated: true } });
const metric: MessageType = {
  1: { name: 'name', type: 'string' },
  2: { name: 'description', type: 'string' },
  3: { name: 'unit', type: 'string' },
  5: { name: 'gauge', type: () => pointsOf(numberPoint) },
  7: { name: 'sum', type: () => ({ ...pointsOf(numberPoint), 2: temporality, 3: { name: 'isMonotonic', type: 'bool' } }) },
  9: { name: 'histogram', type: () => ({ ...pointsOf(histogramPoint), 2: temporality }) },
  10: { name: 'exponentialHistogram', type: () => ({ ...pointsOf(exponentialPoint), 2: temporality }) },
  11: { name: 'summary', type: () => pointsOf(summaryPoint) },
};
const scopeMetrics: MessageType = { 2: { name: 'metrics', type: () => metric, repeated: true } };
const resource: MessageType = { 1: attributes };
const resourceMetrics: MessageType = {
  1: { name: 'resource', type: () => resource },
  2: { name: 'scopeMetrics', type: () => scopeMetrics, repeated: true },
};
/** ExportMetricsServiceRequest. */
export const exportRequest: MessageType = { 1: { name: 'resourceMetrics', type: () => resourceMetrics, repeated: true } };
const partialSuccess: MessageType = {
  1: { name: 'rejectedDataPoints', type: 'varint' },
  2: { name: 'errorMessage', type: 'string' },
};
/** ExportMetricsServiceResponse. */
export const exportResponse: MessageType = { 1: { name: 'partialSuccess', type: () => partialSuccess } };

/** JSON writes 64-bit integers as text, and doubles that are no numbers by name. */
const numeric = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d+$/)
    .transform(Number),
]);
/** Any double: in protobuf NaN and the infinities are numbers, in JSON they are words. One such point is no reason to refuse the rest. */
const double = z.union([
  z.custom<number>((value) => typeof value === 'number'),
  numeric,
  z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number),
]);
const attributesSchema = z
  .array(
    z.object({
      key: z.string(),
      value: z
        .object({ stringValue: z.string(), boolValue: z.boolean(), intValue: numeric, doubleValue: double })
        .partial()
        .optional(),
    }),
  )
  .default([]);
const numberPointSchema = z.object({
  attributes: attributesSchema,
  startTimeUnixNano: numeric.optional(),
  timeUnixNano: numeric.optional(),
  asDouble: double.optional(),
  asInt: numeric.optional(),
});
const bucketsSchema = z.object({ offset: z.number().int().default(0), bucketCounts: z.array(numeric).default([]) });
const temporalitySchema = z.number().int().default(0);
const metricSchema = z.object({
  name: z.string().min(1),
  unit: z.string().default(''),
  gauge: z.object({ dataPoints: z.array(numberPointSchema).default([]) }).optional(),
  sum: z
    .object({
      dataPoints: z.array(numberPointSchema).default([]),
      aggregationTemporality: temporalitySchema,
      isMonotonic: z.boolean().default(false),
    })
    .optional(),
  histogram: z
    .object({
      dataPoints: z
        .array(
          z.object({
            attributes: attributesSchema,
            count: numeric.default(0),
            sum: double.optional(),
            bucketCounts: z.array(numeric).default([]),
            explicitBounds: z.array(double).default([]),
          }),
        )
        .default([]),
      aggregationTemporality: temporalitySchema,
    })
    .optional(),
  exponentialHistogram: z
    .object({
      dataPoints: z
        .array(
          z.object({
            attributes: attributesSchema,
            count: numeric.default(0),
            sum: double.optional(),
            scale: z.number().int().min(-10).max(20).default(0),
            zeroCount: numeric.default(0),
            positive: bucketsSchema.optional(),
            negative: bucketsSchema.optional(),
          }),
        )
        .default([]),
      aggregationTemporality: temporalitySchema,
    })
    .optional(),
  summary: z
    .object({
      dataPoints: z
        .array(
          z.object({
            attributes: attributesSchema,
            count: numeric.default(0),
            sum: double.default(0),
            quantileValues: z.array(z.object({ quantile: double.default(0), value: double.default(0) })).default([]),
          }),
        )
        .default([]),
    })
    .optional(),
});
/** The same of either encoding. */
export const exportRequestSchema = z.object({
  resourceMetrics: z
    .array(
      z.object({
        resource: z.object({ attributes: attributesSchema }).default({ attributes: [] }),
        scopeMetrics: z.array(z.object({ metrics: z.array(metricSchema).default([]) })).default([]),
      }),
    )
    .default([]),
});
export type ExportRequest = z.infer<typeof exportRequestSchema>;
export type OtlpMetric = z.infer<typeof metricSchema>;
export type OtlpAttributes = z.infer<typeof attributesSchema>;

/** Aggregation temporalities; 0 is unspecified. */
export const delta = 1;
export const cumulative = 2;

/** Attributes as text by name. */
export const attributesOf = (list: OtlpAttributes): Record<string, string> =>
  Object.fromEntries(
    list.map(({ key, value = {} }) => [
      key,
      String(value.stringValue ?? value.boolValue ?? value.intValue ?? value.doubleValue ?? ''),
    ]),
  );

export const attributeList = (named: Record<string, string>): Message[] =>
  Object.entries(named).map(([key, stringValue]) => ({ key, value: { stringValue } }));
