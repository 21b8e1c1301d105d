import { type NodeDescription, nodeSchema } from '../../../agents/descriptions/node.ts';
import type { Host } from '../../testbed/schema.ts';
import type { HostFacts, InterfaceFacts } from './host-facts.ts';

/**
 * The MLSysOpsNode description of a host, measured: what the facts do not tell is left out, not invented. Memory and disk in GB (10⁹ bytes), frequencies
 * in GHz. Valid by agents/descriptions' schema.
 */
export function describeNode(facts: HostFacts, host: Host): NodeDescription {
  const { hardware } = facts;
  const [gpu] = hardware.gpus;
  return nodeSchema.parse({
    name: host.name,
    labels: Object.entries(host.labels).map(([name, value]) => `${name}=${value}`),
    continuum_layer: layerOf(host),
    cluster_id: host.cluster,
    // One that can run out of power comes and goes.
    availability: hardware.batteries.length > 0 && hardware.mains !== true ? 'transient' : 'stable',
    environment: {
      node_type: nodeTypeOf(facts),
      // The framework's descriptions know no other Linux.
      os: facts.os.id === 'kali' ? 'kali' : 'ubuntu',
      container_runtime: ['containerd'],
    },
    hardware: {
      cpu: {
        model: facts.cpuModel,
        architecture: facts.architecture,
        ...(facts.cores > 0 ? { cores: facts.cores } : {}),
        ...(hardware.frequenciesGhz.length > 0 ? { frequency: hardware.frequenciesGhz } : {}),
      },
      memory: gigabytes(facts.memoryLimitBytes ?? facts.memoryBytes),
      disk: gigabytes(hardware.diskBytes),
      ...(gpu === undefined
        ? {}
        : {
            gpu: {
              model: gpu.model,
              ...(gpu.memoryBytes === null ? {} : { memory: gigabytes(gpu.memoryBytes) }),
              instances: hardware.gpus.length,
            },
          }),
    },
    ...networkOf(facts),
    ...powerOf(facts),
  });
}

const gigabytes = (bytes: number): number => Math.round(bytes / 1e7) / 100;

/** What a host is called in the framework's own layers; a label can say otherwise. */
function layerOf(host: Host): NodeDescription['continuum_layer'] {
  const told = nodeSchema.shape.continuum_layer.safeParse(host.labels['mlsysops.eu/layer']);
  if (told.success) return told.data;
  return host.role === 'worker' ? ['edge'] : host.role === 'master' ? ['edge_infrastructure'] : ['cloud'];
}

function nodeTypeOf({ container, boot, virtualMachine }: HostFacts): NodeDescription['environment']['node_type'] {
  if (container !== null || virtualMachine !== null) return 'virtualized';
  return boot.board === null ? 'bare_metal' : 'native';
}

const names: Record<InterfaceFacts['kind'], 'ethernet' | 'wifi' | '4g' | 'bluetooth'> = {
  ethernet: 'ethernet',
  wifi: 'wifi',
  mobile: '4g',
  bluetooth: 'bluetooth',
  // In a container or VM it is the one that stands for the network card.
  virtual: 'ethernet',
};

/** The basic interface is the one of the default route; others with hardware of their own can take redirected traffic. */
function networkOf({ routes, interfaces, container }: HostFacts): Pick<NodeDescription, 'network_resources'> {
  const device = routes.find(({ destination }) => destination === '0.0.0.0/0')?.device;
  const basic = interfaces.find(({ name }) => name === device);
  const others = interfaces.filter((one) => one !== basic && (one.kind !== 'virtual' || container !== null));
  if (basic === undefined && others.length === 0) return {};
  return {
    network_resources: {
      ...(basic === undefined ? {} : { basic_interface: { name: names[basic.kind], interface_name: basic.name } }),
      ...(others.length === 0
        ? {}
        : {
            redirection_interface: others.map((one) => ({
              connection_type: names[one.kind],
              interface_name: one.name,
              ...(one.macAddress === null ? {} : { hardware_address: one.macAddress }),
            })),
          }),
    },
  };
}

function powerOf({ hardware }: HostFacts): Pick<NodeDescription, 'power'> {
  const mostW = hardware.rapl.reduce((sum, { mostW }) => sum + (mostW ?? 0), 0);
  const capacities = hardware.batteries.flatMap(({ fullWh }) => (fullWh === null ? [] : [fullWh]));
  const grid = hardware.mains ?? (hardware.batteries.length > 0 ? null : true);
  return {
    power: {
      // Of the processors alone: what a power cap can reach.
      ...(mostW > 0 ? { max_consumption: { value: mostW, measurement_unit: 'w' as const } } : {}),
      ...(grid === null ? {} : { grid }),
      ...(capacities.length > 0 ? { battery: { capacity: { levels: capacities, measurement_unit: 'Wh' } } } : {}),
    },
  };
}
