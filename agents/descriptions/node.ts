import { z } from 'zod';
import {
  accelerationCallSchema,
  containerRuntimeSchema,
  continuumLayerSchema,
  nodeTypeSchema,
  operatingSystemSchema,
  performanceIndicatorSchema,
  quantitySchema,
  relationSchema,
  sensorSchema,
} from './common.ts';

const oneOrMore = <S extends z.ZodType>(schema: S) => z.union([schema, z.array(schema)]);
const amountSchema = z.strictObject({
  value: z.number(),
  relation: relationSchema.optional(),
  measurement_unit: z.string().optional(),
});

/** Ours are measured on the host, not written by hand. */
export const nodeSchema = z.strictObject({
  name: z.string().optional(),
  labels: z.array(z.string()).optional(),
  continuum_layer: oneOrMore(continuumLayerSchema),
  cluster_id: z.string().optional(),
  datacenter_id: z.string().optional(),
  availability: z.enum(['transient', 'stable']).optional(),
  mobile: z.boolean().optional(),
  /** Longitude, latitude. */
  location: z.array(z.number()).length(2).optional(),
  sensors: z.array(sensorSchema).optional(),
  permitted_actions: z
    .array(
      z.enum([
        'set_power_cap',
        'traffic_redirection',
        'acceleration',
        'cpu_frequency',
        'gpu_frequency',
        'change_container_cpu_set',
        'change_container_image',
        '*',
      ]),
    )
    .optional(),
  distributed_storage_service: z
    .strictObject({ member: z.boolean().optional(), available_space: quantitySchema.optional() })
    .optional(),
  environment: z.strictObject({
    node_type: nodeTypeSchema,
    os: operatingSystemSchema,
    container_runtime: z.array(containerRuntimeSchema).optional(),
  }),
  acceleration_api: z
    .array(
      z.strictObject({
        call_name: accelerationCallSchema,
        supported_platforms: z.array(z.strictObject({ name: z.enum(['cpu', 'gpu', 'fpga', 'tpu']) })).optional(),
      }),
    )
    .optional(),
  hardware: z.strictObject({
    cpu: z
      .strictObject({
        model: z.string().optional(),
        architecture: z.string().optional(),
        cores: z.number().int().positive().optional(),
        /** GHz. */
        frequency: z.array(z.number()).optional(),
        performance_indicator: performanceIndicatorSchema.optional(),
      })
      .optional(),
    mcu: z.json().optional(),
    /** GB. */
    memory: quantitySchema.optional(),
    disk: quantitySchema.optional(),
    gpu: z
      .strictObject({
        model: z.string().optional(),
        memory: quantitySchema.optional(),
        instances: z.number().int().optional(),
        performance_indicator: performanceIndicatorSchema.optional(),
      })
      .optional(),
    fpga: z.json().optional(),
  }),
  network_resources: z
    .strictObject({
      basic_interface: z
        .strictObject({
          name: z.enum(['4g', '5g', 'wifi', 'bluetooth', 'lora', 'zigbee', 'ethernet']),
          range: z.number().optional(),
          interface_name: z.string().optional(),
          application_traffic_permission: z.boolean().optional(),
        })
        .optional(),
      redirection_interface: z
        .array(
          z.strictObject({
            connection_type: z.string().optional(),
            range: z.number().optional(),
            interface_name: z.string().optional(),
            mode: z.enum(['infrastructure', 'adhoc']).optional(),
            hardware_address: z.string().optional(),
            pairing_info: z.string().optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  power: z
    .strictObject({
      target: z
        .strictObject({
          consumption: amountSchema.optional(),
          cost: amountSchema.optional(),
          co2_emission: amountSchema.optional(),
        })
        .optional(),
      max_consumption: z.strictObject({ value: z.number(), measurement_unit: z.enum(['w', 'kw', 'Mw']) }).optional(),
      grid: z.boolean().optional(),
      renewable: z.array(z.strictObject({ name: z.string() })).optional(),
      battery: z
        .strictObject({ capacity: z.strictObject({ levels: z.array(z.number()), measurement_unit: z.string().optional() }) })
        .optional(),
    })
    .optional(),
});
export type NodeDescription = z.infer<typeof nodeSchema>;
