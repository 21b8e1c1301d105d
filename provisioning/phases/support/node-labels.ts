import type { Host, HostRole } from '../../testbed/schema.ts';

export const continuumLayerLabel = 'mlsysops.eu/continuumLayer';
const layers: Record<HostRole, string> = { management: 'continuum', master: 'cluster', worker: 'node' };

/** Labels that a host's node is to have. */
export const labelsOf = (host: Host): Record<string, string> => ({ ...host.labels, [continuumLayerLabel]: layers[host.role] });
