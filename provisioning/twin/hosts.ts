import type { TwinNode } from './protocol.ts';
import { powerModels } from './simulation/power.ts';
import type { SimulatedNode } from './simulation/world.ts';

/** One host of the twin: the framework's testbed of four, with a slow and a fast worker. */
export interface TwinHost {
  simulated: SimulatedNode;
  cluster: string;
  role: TwinNode['role'];
  address: string;
  /** As descriptions know it; by default that of its role. */
  continuumLayer?: 'cloud' | 'edge_infrastructure' | 'edge' | 'far_edge' | undefined;
  mobile?: boolean;
  batteryWh?: number;
  labels: Record<string, string>;
  taints: { key: string; value?: string; effect: string }[];
}

export const managementCluster = 'management';
export const memberCluster = 'cluster1';

/** Networks of the framework's testbed of four. */
export const clusterNetworks = [
  { name: managementCluster, podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' },
  { name: memberCluster, podCidr: '10.12.0.0/16', serviceCidr: '10.13.0.0/16' },
] as const;

const layerLabel = 'mlsysops.eu/continuumLayer';
const controlPlane = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' };
const layers = { management: 'continuum', master: 'cluster', worker: 'node' } as const;
/** What provisioning puts on a node of that role. */
export const labelsOf = (role: TwinNode['role']): Record<string, string> => ({
  [layerLabel]: layers[role],
  ...(role !== 'worker' && { [controlPlane.key]: '' }),
});
export const taintsOf = (role: TwinNode['role']): TwinHost['taints'] => (role === 'master' ? [controlPlane] : []);

const gib = 2 ** 30;
/** Frequencies outside what was measured for this processor lie on the lines through its outermost points. */
const power = powerModels['Xeon E3-1220'];

export const twinHosts: readonly TwinHost[] = [
  {
    simulated: { name: 'management', cores: 4, ghz: 2.4, memoryBytes: 6 * gib, power, background: 0.08 },
    cluster: managementCluster,
    role: 'management',
    address: '10.77.0.10',
    labels: labelsOf('management'),
    taints: taintsOf('management'),
  },
  {
    simulated: { name: 'master-1', cores: 4, ghz: 2.4, memoryBytes: 6 * gib, power, background: 0.06 },
    cluster: memberCluster,
    role: 'master',
    address: '10.77.0.11',
    labels: labelsOf('master'),
    taints: taintsOf('master'),
  },
  {
    simulated: { name: 'worker-1', cores: 4, ghz: 1.8, memoryBytes: 6 * gib, power, background: 0.03 },
    cluster: memberCluster,
    role: 'worker',
    address: '10.77.0.12',
    labels: labelsOf('worker'),
    taints: taintsOf('worker'),
  },
  {
    simulated: { name: 'worker-2', cores: 4, ghz: 3.6, memoryBytes: 6 * gib, power, background: 0.06 },
    cluster: memberCluster,
    role: 'worker',
    address: '10.77.0.13',
    labels: labelsOf('worker'),
    taints: taintsOf('worker'),
  },
];

export const twinNode = ({ simulated, cluster, role, address }: TwinHost): TwinNode => ({
  name: simulated.name,
  cluster,
  role,
  address,
  cores: simulated.cores,
  frequencyGHz: simulated.ghz,
});
