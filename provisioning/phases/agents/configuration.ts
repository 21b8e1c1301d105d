import path from 'node:path';
import { type AgentConfig, agentConfigSchema } from '../../../agents/config.ts';
import type { Layer } from '../../../agents/decision/record.ts';
import type { RunContext } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { busSettings } from '../bus/client.ts';
import { clusterAgent, continuumAgent, nodeAgent } from '../bus/users.ts';
import { isControlPlane } from '../support/hosts.ts';
import { agentState } from './units.ts';

export const northboundPort = 8000;
export const clusterKubeconfig = '/etc/mlsysops/cluster.kubeconfig';
export const karmadaKubeconfigCopy = '/etc/mlsysops/karmada.kubeconfig';
export const northboundTokenFile = '/etc/mlsysops/northbound.token';

/** Layers whose agent runs on that host. */
export const layersOf = (host: Host): Layer[] => [
  'node',
  ...(isControlPlane(host) ? (['cluster'] as const) : []),
  ...(host.role === 'management' ? (['continuum'] as const) : []),
];

export function agentName(layer: Layer, host: Host): string {
  if (layer === 'node') return nodeAgent(host.name);
  return layer === 'cluster' ? clusterAgent(host.cluster) : continuumAgent;
}

/** /etc/mlsysops/<layer>.json of that host. */
export function agentConfiguration(layer: Layer, host: Host, context: RunContext): AgentConfig {
  const agent = agentName(layer, host);
  return agentConfigSchema.parse({
    agent,
    layer,
    cluster: host.cluster,
    ...(layer === 'node' ? { node: host.name } : { kubeconfigFile: clusterKubeconfig }),
    ...(layer === 'continuum'
      ? {
          karmadaKubeconfigFile: karmadaKubeconfigCopy,
          northbound: { host: '127.0.0.1', port: northboundPort, tokenFile: northboundTokenFile },
        }
      : {}),
    bus: busSettings(agent, host, context),
    stateFolder: path.posix.join('/var/lib', agentState(layer)),
  });
}
