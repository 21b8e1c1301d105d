import path from 'node:path';
import { stringify } from 'yaml';
import { type AgentConfig, agentConfigSchema, anyAddress } from '../../../agents/config.ts';
import type { Layer } from '../../../agents/decision/record.ts';
import type { RunContext } from '../../run/phase.ts';
import type { Host, Testbed } from '../../testbed/schema.ts';
import { busSettings } from '../bus/client.ts';
import { clusterAgent, continuumAgent, nodeAgent, standbyAgent } from '../bus/users.ts';
import { describeNode } from '../facts/describe-node.ts';
import { factsOf, isControlPlane } from '../support/hosts.ts';
import { agentState } from './units.ts';

export const northboundPort = 8000;
export const clusterKubeconfig = '/etc/mlsysops/cluster.kubeconfig';
export const karmadaKubeconfigCopy = '/etc/mlsysops/karmada.kubeconfig';
export const nodeDescriptionFile = '/etc/mlsysops/node-description.yaml';
export const northboundTokenFile = '/etc/mlsysops/northbound.token';
export const northboundCertificateFile = '/etc/mlsysops/northbound.crt';
export const northboundKeyFile = '/etc/mlsysops/northbound.key';

/** Whether the second agent of its cluster runs there. */
export const isStandbyHost = (host: Host, { clusters }: Testbed): boolean =>
  !isControlPlane(host) && clusters[host.cluster]?.standby === host.name;

/** Layers whose agent runs on that host. */
export const layersOf = (host: Host, testbed: Testbed): Layer[] => [
  'node',
  ...(isControlPlane(host) || isStandbyHost(host, testbed) ? (['cluster'] as const) : []),
  ...(host.role === 'management' ? (['continuum'] as const) : []),
];

export function agentName(layer: Layer, host: Host): string {
  if (layer === 'node') return nodeAgent(host.name);
  if (layer === 'continuum') return continuumAgent;
  return isControlPlane(host) ? clusterAgent(host.cluster) : standbyAgent(host.cluster);
}

/** /etc/mlsysops/node-description.yaml of that host; null as long as nothing was measured. */
export function nodeDescription(host: Host, context: RunContext): string | null {
  const facts = factsOf(host, context);
  if (facts === undefined) return null;
  const description = describeNode(facts, host);
  // What another look would find otherwise would have the agent started anew by each run: the frequency of a moment, which is no range, and
  // in a container the interfaces of pods, which nothing tells from its own.
  const { frequency } = description.hardware?.cpu ?? {};
  if (Array.isArray(frequency) && frequency.length < 2) delete description.hardware?.cpu?.frequency;
  if (facts.container !== null) delete description.network_resources?.redirection_interface;
  return stringify({ MLSysOpsNode: description });
}

/** /etc/mlsysops/<layer>.json of that host. */
export function agentConfiguration(layer: Layer, host: Host, context: RunContext): AgentConfig {
  const agent = agentName(layer, host);
  return agentConfigSchema.parse({
    agent,
    layer,
    cluster: host.cluster,
    ...(layer === 'node'
      ? {
          node: host.name,
          ...(factsOf(host, context) && { descriptionFile: nodeDescriptionFile }),
          telemetry: {
            openMetrics: {},
            // Components reach it at their node's address, from their own.
            receiver: {
              from: ['127.0.0.0/8', context.testbed.clusters[host.cluster]?.podCidr].filter((cidr) => cidr !== undefined),
            },
            probe: {},
            ...(context.testbed.telemetry?.otlp && { otlp: context.testbed.telemetry.otlp }),
          },
        }
      : { kubeconfigFile: clusterKubeconfig }),
    ...(layer === 'cluster' && context.testbed.clusters[host.cluster]?.standby !== undefined
      ? { election: { isStandby: !isControlPlane(host) } }
      : {}),
    ...(layer === 'continuum'
      ? {
          karmadaKubeconfigFile: karmadaKubeconfigCopy,
          // For tools anywhere: TLS, and nothing without a token.
          northbound: {
            host: anyAddress,
            port: northboundPort,
            tokenFile: northboundTokenFile,
            certFile: northboundCertificateFile,
            keyFile: northboundKeyFile,
          },
        }
      : {}),
    bus: busSettings(agent, host, context),
    stateFolder: path.posix.join('/var/lib', agentState(layer)),
  });
}
