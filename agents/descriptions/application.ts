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
  scalingSchema,
  sensorSchema,
} from './common.ts';

/** A DNS label: it becomes part of names in Kubernetes. */
const nameSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$/, 'a name is lower-case letters, digits and "-", at most 52 characters');

const resourceSchema = z.strictObject({ requests: quantitySchema.optional(), limits: quantitySchema.optional() });

export const containerSchema = z.strictObject({
  image: z.string().min(1),
  command: z.array(z.string()).optional(),
  image_pull_policy: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
  acceleration_api: z
    .array(
      z.strictObject({
        call_name: accelerationCallSchema,
        required_framework: z.enum(['pytorch', 'tensorflow', 'opencl', '*']).optional(),
      }),
    )
    .optional(),
  platform_requirements: z
    .strictObject({
      cpu: resourceSchema
        .extend({
          architecture: z.array(z.string()).optional(),
          frequency: z.union([z.number(), z.array(z.number())]).optional(),
          performance_indicator: performanceIndicatorSchema.optional(),
        })
        .optional(),
      memory: resourceSchema.optional(),
      mcu: z.json().optional(),
      disk: quantitySchema.optional(),
      gpu: resourceSchema
        .extend({
          model: z.string().optional(),
          memory: quantitySchema.optional(),
          utilization_request: z.number().optional(),
          performance_indicator: performanceIndicatorSchema.optional(),
        })
        .optional(),
      fpga: z.strictObject({ model: z.string().optional() }).optional(),
    })
    .optional(),
  ports: z
    .array(
      z.strictObject({
        container_port: z.number().int().min(1).max(65535),
        host_ip: z.string().optional(),
        host_port: z.number().int().min(1).max(65535).optional(),
        /** "metrics" names the port that node agents scrape. */
        name: z.string().optional(),
        protocol: z.enum(['TCP', 'UDP', 'SCTP']).optional(),
      }),
    )
    .optional(),
  env: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        value: z.string().optional(),
        value_from: z.strictObject({ field_ref: z.strictObject({ field_path: z.string() }) }).optional(),
      }),
    )
    .optional(),
});

const redundancySchema = z.enum(['high', 'one', 'none']);

export const componentSchema = z.strictObject({
  metadata: z.strictObject({ name: nameSchema, uid: z.string().optional() }),
  node_placement: z
    .strictObject({
      continuum_layer: z.array(continuumLayerSchema).optional(),
      scaling: z.union([scalingSchema, z.array(scalingSchema)]).optional(),
      mobile: z.boolean().optional(),
      labels: z.array(z.string()).optional(),
      node: z.string().optional(),
    })
    .optional(),
  depends_on: z.array(z.union([z.string(), z.strictObject({ component_name: z.string() })])).optional(),
  runtime_configuration: z
    .strictObject({ config_specification_file: z.string().optional(), config_file_path: z.string().optional() })
    .optional(),
  sensors: z.array(sensorSchema).optional(),
  qos_metrics: z
    .array(
      z.strictObject({
        application_metric_id: z.string().min(1),
        target: z.number(),
        relation: relationSchema,
        system_metrics_hints: z.array(z.string()).optional(),
      }),
    )
    .optional(),
  storage: z
    .strictObject({
      buckets: z
        .array(
          z.strictObject({
            bucket_id: z.string(),
            policy_update_token: z.string().optional(),
            location_restrictions: z.strictObject({ gdpr: z.boolean().optional() }).optional(),
            redundancy: redundancySchema.optional(),
            /** Spelt so in descriptions that exist already. */
            reduncancy: redundancySchema.optional(),
            max_latency: z.number().optional(),
            min_download_speed: z.number().optional(),
            server_side_encryption: z.boolean().optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  data_sensitivity: z.boolean().optional(),
  data_criticality: z.enum(['low', 'medium', 'high']).optional(),
  external_component: z.boolean().optional(),
  external_access: z.boolean().optional(),
  host_network: z.boolean().optional(),
  runtime_class_name: z
    .enum([
      'nvidia',
      'default',
      'kata-fc',
      'kata-dragon',
      'urunc',
      'crun',
      'lunatic',
      'nvidia-experimental',
      'spin',
      'wasmedge',
      'slight',
    ])
    .optional(),
  restart_policy: z.enum(['Always', 'OnFailure', 'Never', 'always', 'on_failure', 'never']).optional(),
  os: operatingSystemSchema.optional(),
  node_type: nodeTypeSchema.optional(),
  container_runtime: containerRuntimeSchema.optional(),
  containers: z.array(containerSchema).optional(),
});
export type ComponentDescription = z.infer<typeof componentSchema>;

export const applicationActionSchema = z.enum([
  'component_relocation',
  'traffic_redirection',
  'change_container_image',
  'change_container_runtime_class',
  'change_container_cpu_set',
  'change_container_resource_requirements',
  'acceleration',
  '*',
]);
export type ApplicationAction = z.infer<typeof applicationActionSchema>;

export const applicationSchema = z.strictObject({
  name: nameSchema,
  cluster_placement: z
    .strictObject({
      cluster_id: z.array(z.string()).optional(),
      instances: z.number().int().min(1).optional(),
      location: z
        .strictObject({
          continent: z.array(z.string()).optional(),
          country: z.array(z.string()).optional(),
          city: z.array(z.string()).optional(),
        })
        .optional(),
      cloud_provider: z.array(z.enum(['private', 'aws', 'microsoft_azure', 'gcp'])).optional(),
      accelerators: z.array(z.enum(['gpu', 'fpga', 'tpu'])).optional(),
      node_types: z.array(nodeTypeSchema).optional(),
    })
    .optional(),
  single_node: z
    .array(
      z.strictObject({
        components: z.array(z.string()),
        continuum_layer: z.array(continuumLayerSchema).optional(),
        scaling: z.union([scalingSchema, z.array(scalingSchema)]).optional(),
        mobile: z.boolean().optional(),
        labels: z.array(z.string()).optional(),
        node: z.string().optional(),
      }),
    )
    .optional(),
  components: z.array(componentSchema).min(1),
  component_interactions: z
    .array(
      z.strictObject({
        component_name1: z.string(),
        type: z.enum(['ingress', 'egress']),
        component_name2: z.string(),
        interaction_criticality: z.string().optional(),
        interaction_metrics: z
          .array(
            z.strictObject({
              system_metric_id: z.enum(['latency', 'bandwidth', 'end_to_end_invocation_delay']),
              target: z.number().optional(),
              measurement_unit: z.string().optional(),
              relation: relationSchema.optional(),
            }),
          )
          .optional(),
      }),
    )
    .optional(),
  permitted_actions: z.array(applicationActionSchema).optional(),
  global_satisfaction: z
    .strictObject({
      threshold: z.number().gt(0).max(1),
      relation: relationSchema.optional(),
      achievement_weights: z.array(z.strictObject({ metric_id: z.string(), weight: z.number().min(0) })).optional(),
    })
    .optional(),
});
export type ApplicationDescription = z.infer<typeof applicationSchema>;

/** Whether the description allows `action`; without `permitted_actions` nothing but the initial placement is allowed. */
export const permits = (application: ApplicationDescription, action: ApplicationAction): boolean =>
  (application.permitted_actions ?? []).some((permitted) => permitted === action || permitted === '*');

/** Components that `component` sends to, from the interactions (egress of one, or ingress from it). */
export const receiversOf = (application: ApplicationDescription, component: string): string[] => [
  ...new Set(
    (application.component_interactions ?? []).flatMap((interaction) => {
      if (interaction.type === 'egress' && interaction.component_name1 === component) return [interaction.component_name2];
      if (interaction.type === 'ingress' && interaction.component_name2 === component) return [interaction.component_name1];
      return [];
    }),
  ),
];
