import { isIPv4 } from 'node:net';
import { cidrContains, cidrRange, cidrsOverlap } from '../../testbed/cidr.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import { manifestOf } from '../network/manifest.ts';
import { isAdopted } from '../support/hosts.ts';
import { type CheckFamily, error, type Finding, ok, type Subject, warning } from './check.ts';

/** CIDRs against what the host reaches already, forwarding, and whether pods can be routed to their neighbours. */
export const networkChecks: CheckFamily = (subject) => [
  cidrs(subject),
  forwarding(subject.facts),
  ...podRoutes(subject),
  names(subject),
];

/** The addresses that its own nodes have in an adopted cluster are meant to be there. */
const cidrsOf = ({ testbed, host }: Subject) =>
  Object.entries(testbed.clusters)
    .filter(([cluster]) => !(cluster === host.cluster && isAdopted(host, testbed)))
    .flatMap(([cluster, { podCidr, serviceCidr }]) => [
      { cluster, key: 'podCidr', cidr: podCidr },
      { cluster, key: 'serviceCidr', cidr: serviceCidr },
    ]);

/** The first conflict counts: another CIDR solves all of a kind. */
function cidrs(subject: Subject): Finding {
  const { facts } = subject;
  const remedy = (cluster: string, key: string) => `Choose another ${key} for ${cluster} in the testbed file`;
  const broader: Finding[] = [];
  for (const { cluster, key, cidr } of cidrsOf(subject)) {
    const of = `${cidr}, the ${key} of ${cluster}`;
    const address = [...facts.addresses, ...facts.nameServers].find((one) => isIPv4(one) && cidrContains(cidr, one));
    if (address !== undefined) {
      const what = facts.addresses.includes(address) ? 'its address' : 'its name server';
      return error('cidr', `${what} ${address} lies in ${of}`, remedy(cluster, key));
    }
    for (const route of foreignRoutes(subject)) {
      if (!cidrsOverlap(route.destination, cidr)) continue;
      const way = `its route to ${route.destination} (${route.device}${route.via === null ? '' : ` via ${route.via}`})`;
      // Routes to pods are longer than it, and win: what else lies there is lost from sight.
      if (isWider(route.destination, cidr))
        broader.push(
          warning('cidr', `${way} covers ${of}: what is reached by it in that range no longer will be`, remedy(cluster, key)),
        );
      else return error('cidr', `${way} overlaps with ${of}`, remedy(cluster, key));
    }
  }
  return broader[0] ?? ok('cidr', 'no address or route of the host lies in a CIDR of the testbed');
}

/** Routes that others have set: not the default one, and not those to the pods of this testbed's nodes. */
const foreignRoutes = ({ facts, testbed, all }: Subject): HostFacts['routes'] => {
  const ours = new Set([
    ...testbed.hosts.map(({ address }) => address),
    ...[...all.values()].flatMap(({ addresses }) => addresses),
  ]);
  return facts.routes.filter(({ destination, via }) => destination !== '0.0.0.0/0' && (via === null || !ours.has(via)));
};

function isWider(one: string, other: string): boolean {
  const [a, b] = [cidrRange(one), cidrRange(other)];
  return a !== null && b !== null && a[1] - a[0] > b[1] - b[0];
}

const forwarding = ({ forwarding: state, container }: HostFacts): Finding =>
  state === 'fixed'
    ? error(
        'forwarding',
        'packets of pods cannot be forwarded: net.ipv4.ip_forward is 0 and cannot be written',
        container === null
          ? 'See what mounts /proc/sys read-only there, or set net.ipv4.ip_forward=1 yourself'
          : `Set net.ipv4.ip_forward=1 from outside of the container (${container})`,
      )
    : ok('forwarding', state === 'on' ? 'on' : 'off; it will be turned on, and off again by a reset');

/** A route to the pods of a neighbour goes by the neighbour's address, which must be on a link of this host's own. */
function podRoutes(subject: Subject): Finding[] {
  const { host, facts, testbed, all } = subject;
  if (isAdopted(host, testbed)) return [];
  if (manifestOf(host.cluster, testbed) !== null) return [];
  if (testbed.clusters[host.cluster]?.network === 'vxlan') return overlay(subject);
  const neighbours = testbed.hosts.filter((other) => other.cluster === host.cluster && other.name !== host.name);
  for (const other of neighbours) {
    const address = internalAddress(other.address, all.get(other.name));
    if (address === undefined || facts.routes.length === 0) continue;
    const route = longestMatch(facts.routes, address);
    if (route === undefined || route.via === null) continue;
    if (testbed.clusters[host.cluster]?.network !== 'routes')
      return [
        ok('pod-routes', `${other.name} is behind the router ${route.via}: pods reach each other by VXLAN`),
        ...overlay(subject),
      ];
    return [
      error(
        'pod-routes',
        `${other.name} (${address}) is behind the router ${route.via}: plain routes lead only to hosts of one L2 network`,
        `Leave out network: routes of ${host.cluster}, put its hosts on one network, or give the addresses of the one that they share in the testbed file`,
      ),
    ];
  }
  return [ok('pod-routes', neighbours.length === 0 ? 'it has no neighbours' : 'its neighbours are on its own links')];
}

const overlay = ({ facts }: Subject): Finding[] =>
  facts.features.vxlan === 'missing'
    ? [
        error(
          'kernel-vxlan',
          `its kernel ${facts.kernel} has no vxlan, by which pods reach those of hosts on other networks`,
          `Install the package with the kernel's other modules (on Ubuntu linux-modules-extra-${facts.kernel}), or put the hosts of the cluster on one network`,
        ),
      ]
    : [];

/** As addressOf of phases/support: the address of the testbed file where the host has it, else its first own one. */
function internalAddress(address: string, facts: HostFacts | undefined): string | undefined {
  const own = (facts?.addresses ?? []).filter((one) => isIPv4(one) && !one.startsWith('127.'));
  return own.includes(address) ? address : own[0];
}

function longestMatch(routes: HostFacts['routes'], address: string): HostFacts['routes'][number] | undefined {
  const length = (destination: string) => Number(destination.split('/')[1]);
  return routes
    .filter(({ destination }) => cidrContains(destination, address))
    .sort((a, b) => length(b.destination) - length(a.destination))[0];
}

const names = ({ facts }: Subject): Finding =>
  facts.nameServers.length === 0
    ? warning(
        'name-servers',
        'it knows no name server (/etc/resolv.conf names none)',
        'Pods look names up there too: add one, e.g. with resolvectl',
      )
    : ok('name-servers', facts.nameServers.join(', '));
