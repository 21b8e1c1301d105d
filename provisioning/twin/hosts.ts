import type { TwinNode } from './protocol.ts';
import { powerModels } from './simulation/power.ts';
import type { SimulatedNode } from './simulation/world.ts';

/** One host of the twin: the framework's testbed of four, with a slow and a fast worker. */
export interface TwinHost {
  simulated: SimulatedNode;
  cluster: string;
  role: TwinNode['role'];
  address: string;
  labels: Record<string, string>;
  taints: { key: string; value?: string; effect: string }[];
}

export const managementCluster = 'management';
export const memberCluster = 'cluster1';

const layerLabel = 'mlsysops.eu/continuumLayer';
const controlPlane = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' };
const gib = 2 ** 30;
/** Frequencies outside what was measured for this processor lie on the lines through its outermost points. */
const power = powerModels['Xeon E3-1220'];

export const twinHosts: readonly TwinHost[] = [
  {
    simulated: { name: 'management', cores: 4, ghz: 2.4, memoryBytes: 6 * gib, power, background: 0.08 },
    cluster: managementCluster,
    role: 'management',
    address: '10.77.0.10',
    labels: { [layerLabel]: 'continuum', [controlPlane.key]: '' },
    taints: [],
  },
  {
    simulated: { name: 'master-1', cores: 4, ghz: 2.4, memoryBytes: 6 * gib, power, background: 0.06 },
    cluster: memberCluster,
    role: 'master',
    address: '10.77.0.11',
    labels: { [layerLabel]: 'cluster', [controlPlane.key]: '' },
    taints: [controlPlane],
  },
  {
    simulated: { name: 'worker-1', cores: 4, ghz: 1.8, memoryBytes: 6 * gib, power, background: 0.03 },
    cluster: memberCluster,
    role: 'worker',
    address: '10.77.0.12',
    labels: { [layerLabel]: 'node' },
    taints: [],
  },
  {
    simulated: { name: 'worker-2', cores: 4, ghz: 3.6, memoryBytes: 6 * gib, power, background: 0.06 },
    cluster: memberCluster,
    role: 'worker',
    address: '10.77.0.13',
    labels: { [layerLabel]: 'node' },
    taints: [],
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
