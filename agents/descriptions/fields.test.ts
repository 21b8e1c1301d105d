import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { type Kind, kinds } from './kinds.ts';
import { DescriptionError, parseDescription } from './parse.ts';

/**
 * Every field and enum of the five kinds as the framework's own definitions have them, written down from those and not from our schemas. A list is in brackets,
 * an enum has its values between bars; where the framework takes one or several, or a number or a text, the first is written.
 */
type Fields = string | [Fields] | { [field: string]: Fields };
const relation = 'lower_or_equal|greater_or_equal|equal|lower_than|greater_than';
const layer = 'cloud|edge_infrastructure|edge|far_edge|*';
const redundancy = 'high|one|none';
const call = 'calc_optical_flow|image_inference';
const nodeType = 'virtualized|native|bare_metal';
const system = 'ubuntu|kali|zephyr';
const runtime = 'containerd|docker|emb_serve';
const provider = 'private|aws|microsoft_azure|gcp';
const amounts = { requests: 'number', limits: 'number' };
const scaling = { scaling_mode: 'manual|auto', instances: 'number', scaling_criteria: 'any' };
const sensor = {
  camera: { model: 'text', camera_type: 'text', minimum_framerate: 'number', resolution: 'text' },
  temperature: 'any',
  accelerometer: 'any',
  barometer: 'any',
  air_quality: 'any',
  endpoint_variable: 'text',
  protocol: 'MQTT|RTSP',
  instances: 'number',
};
const placement = { continuum_layer: [layer], scaling, mobile: 'flag', labels: ['text'], node: 'text' } satisfies Fields;
const amount = { value: 'number', relation, measurement_unit: 'text' };

const framework: Record<Kind, { [field: string]: Fields }> = {
  MLSysOpsApp: {
    name: 'text',
    cluster_placement: {
      cluster_id: ['text'],
      instances: 'number',
      location: { continent: ['text'], country: ['text'], city: ['text'] },
      cloud_provider: [provider],
      accelerators: ['gpu|fpga|tpu'],
      node_types: [nodeType],
    },
    single_node: [{ components: ['text'], ...placement }],
    components: [
      {
        metadata: { name: 'text', uid: 'text' },
        node_placement: placement,
        depends_on: ['text'],
        runtime_configuration: { config_specification_file: 'text', config_file_path: 'text' },
        sensors: [sensor],
        qos_metrics: [{ application_metric_id: 'text', target: 'number', relation, system_metrics_hints: ['text'] }],
        storage: {
          buckets: [
            {
              bucket_id: 'text',
              policy_update_token: 'text',
              location_restrictions: { gdpr: 'flag' },
              redundancy,
              reduncancy: redundancy,
              max_latency: 'number',
              min_download_speed: 'number',
              server_side_encryption: 'flag',
            },
          ],
        },
        data_sensitivity: 'flag',
        data_criticality: 'low|medium|high',
        external_component: 'flag',
        external_access: 'flag',
        host_network: 'flag',
        runtime_class_name: 'nvidia|default|kata-fc|kata-dragon|urunc|crun|lunatic|nvidia-experimental|spin|wasmedge|slight',
        restart_policy: 'Always|OnFailure|Never|always|on_failure|never',
        os: system,
        node_type: nodeType,
        container_runtime: runtime,
        containers: [
          {
            image: 'text',
            command: ['text'],
            image_pull_policy: 'Always|IfNotPresent|Never',
            acceleration_api: [{ call_name: call, required_framework: 'pytorch|tensorflow|opencl|*' }],
            platform_requirements: {
              cpu: { ...amounts, architecture: ['text'], frequency: 'number', performance_indicator: 'number' },
              memory: amounts,
              mcu: 'any',
              disk: 'number',
              gpu: {
                ...amounts,
                model: 'text',
                memory: 'number',
                utilization_request: 'number',
                performance_indicator: 'number',
              },
              fpga: { model: 'text' },
            },
            ports: [{ container_port: 'number', host_ip: 'text', host_port: 'number', name: 'text', protocol: 'TCP|UDP|SCTP' }],
            env: [{ name: 'text', value: 'text', value_from: { field_ref: { field_path: 'text' } } }],
          },
        ],
      },
    ],
    component_interactions: [
      {
        component_name1: 'text',
        type: 'ingress|egress',
        component_name2: 'text',
        interaction_criticality: 'text',
        interaction_metrics: [
          {
            system_metric_id: 'latency|bandwidth|end_to_end_invocation_delay',
            target: 'number',
            measurement_unit: 'text',
            relation,
          },
        ],
      },
    ],
    permitted_actions: [
      'component_relocation|traffic_redirection|change_container_image|change_container_runtime_class|change_container_cpu_set|change_container_resource_requirements|acceleration|*',
    ],
    global_satisfaction: { threshold: 'number', relation, achievement_weights: [{ metric_id: 'text', weight: 'number' }] },
  },
  MLSysOpsNode: {
    name: 'text',
    labels: ['text'],
    continuum_layer: layer,
    cluster_id: 'text',
    datacenter_id: 'text',
    availability: 'transient|stable',
    mobile: 'flag',
    location: ['number'],
    sensors: [sensor],
    permitted_actions: [
      'set_power_cap|traffic_redirection|acceleration|cpu_frequency|gpu_frequency|change_container_cpu_set|change_container_image|*',
    ],
    distributed_storage_service: { member: 'flag', available_space: 'number' },
    environment: { node_type: nodeType, os: system, container_runtime: [runtime] },
    acceleration_api: [{ call_name: call, supported_platforms: [{ name: 'cpu|gpu|fpga|tpu' }] }],
    hardware: {
      cpu: { model: 'text', architecture: 'text', cores: 'number', frequency: ['number'], performance_indicator: 'number' },
      mcu: 'any',
      memory: 'number',
      disk: 'number',
      gpu: { model: 'text', memory: 'number', instances: 'number', performance_indicator: 'number' },
      fpga: 'any',
    },
    network_resources: {
      basic_interface: {
        name: '4g|5g|wifi|bluetooth|lora|zigbee|ethernet',
        range: 'number',
        interface_name: 'text',
        application_traffic_permission: 'flag',
      },
      redirection_interface: [
        {
          connection_type: 'text',
          range: 'number',
          interface_name: 'text',
          mode: 'infrastructure|adhoc',
          hardware_address: 'text',
          pairing_info: 'text',
        },
      ],
    },
    power: {
      target: { consumption: amount, cost: amount, co2_emission: amount },
      max_consumption: { value: 'number', measurement_unit: 'w|kw|Mw' },
      grid: 'flag',
      renewable: [{ name: 'text' }],
      battery: { capacity: { levels: ['number'], measurement_unit: 'text' } },
    },
  },
  MLSysOpsCluster: { cluster_id: 'text', datacenter_id: 'text', nodes: ['text'] },
  MLSysOpsContinuum: { continuum_id: 'text', clusters: ['text'] },
  MLSysOpsDatacenter: {
    datacenter_id: 'text',
    cluster_id: 'text',
    continuum: 'text',
    nodes: ['text'],
    continent: 'text',
    country: 'text',
    city: 'text',
    location: ['number'],
    cloud_provider: provider,
  },
};
const allKinds = Object.keys(framework) as Kind[];

/** What one of our schemas takes, in the words of the table. */
function fieldsOf(schema: z.core.$ZodType): Fields {
  if (schema instanceof z.ZodOptional) return fieldsOf(schema.unwrap());
  if (schema instanceof z.ZodArray) return [fieldsOf(schema.element)];
  if (schema instanceof z.ZodObject)
    return Object.fromEntries(
      Object.entries(schema.shape).map(([name, field]) => [name, fieldsOf(field as z.core.$ZodType)] as const),
    );
  if (schema instanceof z.ZodEnum) return schema.options.join('|');
  if (schema instanceof z.ZodUnion) return fieldsOf(schema.options[0] as z.core.$ZodType);
  if (schema instanceof z.ZodString) return 'text';
  if (schema instanceof z.ZodNumber) return 'number';
  if (schema instanceof z.ZodBoolean) return 'flag';
  return 'any';
}

test.each(allKinds)('%s has every field and enum of the framework, and none besides', (kind) => {
  expect(fieldsOf(kinds[kind].schema)).toEqual(framework[kind]);
});

/** A description with everything in it; `enums` tells of each enum where it stands and what else it may be. */
function everything(
  fields: Fields,
  enums: { path: (string | number)[]; values: string[] }[],
  path: (string | number)[],
): unknown {
  if (Array.isArray(fields)) {
    const [item] = fields;
    // Longitude and latitude.
    return item === 'number' ? [1, 2] : [everything(item, enums, [...path, 0])];
  }
  if (typeof fields === 'object')
    return Object.fromEntries(
      // There is but one component, which may not wait for itself.
      Object.entries(fields).map(([name, field]) => [
        name,
        name === 'depends_on' ? [] : everything(field, enums, [...path, name]),
      ]),
    );
  if (!fields.includes('|')) return { text: 'sample', number: 1, flag: true, any: { model: 'sample' } }[fields];
  const values = fields.split('|');
  enums.push({ path, values });
  return values[0];
}

function changed(tree: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (Array.isArray(tree)) return tree.map((item, index) => (index === first ? changed(item, rest, value) : item));
  return { ...(tree as object), [first]: changed((tree as Record<string, unknown>)[first], rest, value) };
}

test.each(allKinds)('%s with all of it is read as it is; each enum takes its values and no other, told by line', (kind) => {
  const enums: { path: (string | number)[]; values: string[] }[] = [];
  const whole = everything(framework[kind], enums, []);
  const read = (tree: unknown) => parseDescription(stringify({ [kind]: tree }), 'file.yaml');
  expect(read(whole)).toEqual({ kind, value: whole });
  for (const { path, values } of enums) {
    for (const value of values) expect(() => read(changed(whole, path, value)), `${path.join('.')}: ${value}`).not.toThrow();
    const text = stringify({ [kind]: changed(whole, path, 'no-such') });
    const line = text.split('\n').findIndex((one) => one.includes('no-such')) + 1;
    try {
      parseDescription(text, 'file.yaml');
      expect.fail(`${path.join('.')} takes anything`);
    } catch (error) {
      if (!(error instanceof DescriptionError)) throw error;
      expect(error.issues[0]).toMatchObject({ line, path: path.join('.') });
    }
  }
});
