import { isIPv4 } from 'node:net';
import { Failure } from '../../run/failure.ts';
import type { HostFacts, RunContext } from '../../run/phase.ts';
import type { Host, Testbed } from '../../testbed/schema.ts';

/** Cluster of the management host. */
export const managementCluster = 'management';

export const isControlPlane = (host: Host): boolean => host.role !== 'worker';

export const hostsOf = (testbed: Testbed, cluster: string): Host[] => testbed.hosts.filter((host) => host.cluster === cluster);

/** Whether a host's cluster was there before us and is only used: nothing of its Kubernetes is ours to change. */
export const isAdopted = (host: Host, testbed: Testbed): boolean => testbed.clusters[host.cluster]?.kubeconfig !== undefined;

/** Ids of the clusters that become members of Karmada. */
export const memberClusters = (testbed: Testbed): string[] => [
  ...new Set(testbed.hosts.map((host) => host.cluster).filter((cluster) => cluster !== managementCluster)),
];

/** @throws Failure (preflight) when the cluster does not have exactly one control plane. */
export function controlPlaneOf(testbed: Testbed, cluster: string): Host {
  const [first, second] = hostsOf(testbed, cluster).filter(isControlPlane);
  if (first === undefined) {
    throw new Failure({
      code: 'preflight',
      cause: `cluster "${cluster}" has no master`,
      remedy: 'Give one of its hosts the role master',
    });
  }
  if (second !== undefined) {
    throw new Failure({
      code: 'preflight',
      host: second.name,
      cause: `cluster "${cluster}" has two masters, ${first.name} and ${second.name}; one is supported`,
      remedy: `Make ${second.name} a worker`,
    });
  }
  return first;
}

/** @throws Failure (preflight) when there is not exactly one management host. */
export function managementHost(testbed: Testbed): Host {
  const found = testbed.hosts.filter((host) => host.role === 'management');
  if (found.length === 1) return found[0]!;
  throw new Failure({
    code: 'preflight',
    cause: `a testbed has one management host, this one has ${found.length}`,
    remedy: 'Give exactly one host the role management',
  });
}

/** Facts of a host, when they have been read. */
export const factsOf = (host: Host, context: RunContext): HostFacts | undefined => context.facts.get(host.name);

/**
 * IPv4 address by which the other hosts reach it: the one of the testbed file when the host itself has it, else its first own one.
 * @throws Failure (invalid-file) when there is none and the testbed file's is no address
 */
export function addressOf(host: Host, context: RunContext): string {
  const own = (factsOf(host, context)?.addresses ?? [])
    .map((address) => address.replace(/\/.*$/, ''))
    .filter((address) => isIPv4(address) && !address.startsWith('127.'));
  if (own.includes(host.address)) return host.address;
  const pods = Object.values(context.testbed.clusters).map((cluster) => cluster.podCidr);
  const outside = own.find((address) => !pods.some((cidr) => isWithin(address, cidr)));
  const address = outside ?? host.address;
  // It goes into commands that run as root, here and on the other hosts.
  if (/^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$/.test(address)) return address;
  throw new Failure({
    code: 'invalid-file',
    host: host.name,
    cause: `${JSON.stringify(address.slice(0, 80))} is neither an IPv4 address nor a host name`,
    remedy: 'Correct its address in the testbed file',
  });
}

/** Whether an IPv4 address lies in a CIDR. */
export function isWithin(address: string, cidr: string): boolean {
  const [network = '', bits = '32'] = cidr.split('/');
  const mask = Number(bits) === 0 ? 0 : (-1 << (32 - Number(bits))) >>> 0;
  return (asNumber(address) & mask) >>> 0 === (asNumber(network) & mask) >>> 0;
}
const asNumber = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) >>> 0;
