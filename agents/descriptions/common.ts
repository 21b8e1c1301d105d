import { z } from 'zod';

export const relationSchema = z.enum(['lower_or_equal', 'greater_or_equal', 'equal', 'lower_than', 'greater_than']);
export type Relation = z.infer<typeof relationSchema>;

/** Whether `value` stands in `relation` to `target`. */
export function satisfies(value: number, relation: Relation, target: number): boolean {
  switch (relation) {
    case 'lower_or_equal':
      return value <= target;
    case 'greater_or_equal':
      return value >= target;
    case 'equal':
      return value === target;
    case 'lower_than':
      return value < target;
    case 'greater_than':
      return value > target;
  }
}

/** Layers as descriptions name them; the agents' own layers are in decision/record.ts. */
export const continuumLayerSchema = z.enum(['cloud', 'edge_infrastructure', 'edge', 'far_edge', '*']);
/** Kubernetes quantities: 0.5, "500m", "128Mi". */
export const quantitySchema = z.union([z.number(), z.string().min(1)]);
export const nodeTypeSchema = z.enum(['virtualized', 'native', 'bare_metal']);
export const operatingSystemSchema = z.enum(['ubuntu', 'kali', 'zephyr']);
export const containerRuntimeSchema = z.enum(['containerd', 'docker', 'emb_serve']);
export const accelerationCallSchema = z.enum(['calc_optical_flow', 'image_inference']);
export const performanceIndicatorSchema = z.union([z.number(), z.string()]);

export const scalingSchema = z.strictObject({
  scaling_mode: z.enum(['manual', 'auto']).optional(),
  instances: z.number().int().min(0).optional(),
  scaling_criteria: z.json().optional(),
});

export const sensorSchema = z.strictObject({
  camera: z
    .strictObject({
      model: z.string().optional(),
      camera_type: z.string().optional(),
      minimum_framerate: z.number().optional(),
      resolution: z.string().optional(),
    })
    .optional(),
  temperature: z.json().optional(),
  accelerometer: z.json().optional(),
  barometer: z.json().optional(),
  air_quality: z.json().optional(),
  endpoint_variable: z.string().optional(),
  protocol: z.enum(['MQTT', 'RTSP']).optional(),
  instances: z.number().int().optional(),
});

const unitBySuffix: readonly [suffix: string, unit: string][] = [
  ['_bytes_per_second', 'B/s'],
  ['_bytes', 'B'],
  ['_ms', 'ms'],
  ['_seconds', 's'],
  ['_ghz', 'GHz'],
  ['_w', 'W'],
  ['_cores', 'cores'],
  ['_celsius', '°C'],
];

/** Unit of a metric, from its suffix (OpenMetrics wants the unit there); empty when it is a count or a ratio. */
export const unitOf = (metric: string): string => unitBySuffix.find(([suffix]) => metric.endsWith(suffix))?.[1] ?? '';
