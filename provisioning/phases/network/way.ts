import type { HostFacts, RunContext } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { addressOf, factsOf, hostsOf, isWithin } from '../support/hosts.ts';

/** Whether a host hands packets for an address to its own network, without a router between. */
export function isOnLink(facts: Pick<HostFacts, 'routes'>, address: string): boolean {
  const bits = (destination: string) => Number(destination.split('/')[1] ?? 32);
  const [closest] = facts.routes
    .filter(({ destination }) => isWithin(address, destination))
    .sort((one, other) => bits(other.destination) - bits(one.destination));
  return closest !== undefined && closest.via === null;
}

/**
 * How the pods of a cluster reach each other: by plain routes where all its hosts share a network, else by an overlay, which needs nothing but
 * that the hosts reach each other. The testbed file may say it, or bring somebody else's network.
 */
export function podNetworkOf(cluster: string, context: RunContext): 'routes' | 'vxlan' | 'manifest' {
  const told = context.testbed.clusters[cluster]?.network;
  if (typeof told === 'object') return 'manifest';
  if (told !== undefined) return told;
  const hosts = hostsOf(context.testbed, cluster);
  const apart = (host: Host, other: Host): boolean => {
    const facts = factsOf(host, context);
    // What is not known (a host that this run does not look at) decides nothing.
    return facts !== undefined && facts.routes.length > 0 && !isOnLink(facts, addressOf(other, context));
  };
  return hosts.some((host) => hosts.some((other) => other.name !== host.name && apart(host, other))) ? 'vxlan' : 'routes';
}
