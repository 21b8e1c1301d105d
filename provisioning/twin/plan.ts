import type { NodeDescription } from '../../agents/descriptions/node.ts';
import { nodeSchema } from '../../agents/descriptions/node.ts';
import type { Testbed } from '../testbed/schema.ts';
import { nodesOfTwin, type TwinNodePlan, withTwinHosts } from '../testbed/twin-hosts.ts';
import type { TwinSection } from '../testbed/twin-schema.ts';
import { clusterNetworks, labelsOf, managementCluster, type TwinHost, taintsOf, twinHosts } from './hosts.ts';
import { powerModels, powerW } from './simulation/power.ts';
import type { SimulatedNode } from './simulation/processors.ts';
import { architectures, frequenciesOf, operatingPoints } from './simulation/processors.ts';

/** What a twin consists of. */
export interface TwinPlan {
  hosts: readonly TwinHost[];
  /** Networks by cluster; the management cluster is the first. */
  clusters: readonly { name: string; podCidr: string; serviceCidr: string }[];
  /** What surrounds the hosts; absent: one switch and the grid. */
  section: TwinSection | undefined;
}

/** The twin of a testbed file; without a section of its own, the framework's testbed of four. */
export function planTwin(testbed: Partial<Pick<Testbed, 'twin' | 'clusters'>> = {}): TwinPlan {
  const { twin: section } = testbed;
  if (!section) return { hosts: twinHosts, clusters: clusterNetworks, section };
  const { clusters } = withTwinHosts({ twin: section, kind: 'twin', clusters: testbed.clusters ?? {} });
  return {
    hosts: nodesOfTwin(section).map(hostOf),
    clusters: Object.entries(clusters)
      .map(([name, { podCidr, serviceCidr }]) => ({ name, podCidr, serviceCidr }))
      .sort((a, b) => Number(b.name === managementCluster) - Number(a.name === managementCluster)),
    section,
  };
}

function hostOf(node: TwinNodePlan): TwinHost {
  const { cluster, role, address, labels } = node;
  return {
    simulated: simulatedNode(node),
    cluster,
    role,
    address,
    continuumLayer: node.continuumLayer,
    labels: { ...labelsOf(role), ...labels },
    taints: taintsOf(role),
    ...(node.moves && { mobile: true }),
    ...(node.battery && { batteryWh: node.battery.wattHours }),
  };
}

/** A node with the measured points of its processor, or with usual ones up to another highest frequency. */
export function simulatedNode({
  name,
  cores,
  memoryGiB,
  background,
  processor,
  frequencyGHz,
}: Pick<TwinNodePlan, 'name' | 'cores' | 'memoryGiB' | 'background' | 'processor' | 'frequencyGHz'>): SimulatedNode {
  const points = operatingPoints[processor];
  const highest = points.frequenciesGHz.at(-1)!;
  return {
    name,
    cores,
    ghz: frequencyGHz ?? highest,
    memoryBytes: memoryGiB * 2 ** 30,
    power: powerModels[processor],
    background,
    architecture: architectures[processor],
    model: processor,
    ...((frequencyGHz === undefined || frequencyGHz === highest) && { points }),
  };
}

const layers = { management: 'cloud', master: 'edge_infrastructure', worker: 'edge' } as const;

/** The MLSysOpsNode description of a simulated host, as provisioning measures it on a real one. */
export function describeTwinHost({
  simulated,
  cluster,
  role,
  labels,
  continuumLayer,
  mobile,
  batteryWh,
}: TwinHost): NodeDescription {
  const { name, cores, memoryBytes, architecture = 'amd64', model = 'simulated' } = simulated;
  return nodeSchema.parse({
    name,
    labels: Object.entries(labels).map(([key, value]) => `${key}=${value}`),
    continuum_layer: [continuumLayer ?? layers[role]],
    cluster_id: cluster,
    availability: batteryWh === undefined ? 'stable' : 'transient',
    ...(mobile && { mobile }),
    environment: { node_type: 'virtualized', os: 'ubuntu', container_runtime: ['containerd'] },
    hardware: {
      cpu: { model, architecture, cores, frequency: [...frequenciesOf(simulated)] },
      memory: Math.round(memoryBytes / 1e7) / 100,
    },
    power: {
      max_consumption: { value: Math.ceil(powerW(simulated.power, 1, simulated.ghz)), measurement_unit: 'w' },
      ...(batteryWh === undefined ? { grid: true } : { battery: { capacity: { levels: [batteryWh], measurement_unit: 'Wh' } } }),
    },
  });
}
