import { cidrRange, cidrsOverlap } from './cidr.ts';
import type { Problem } from './located.ts';
import type { Host, Testbed } from './schema.ts';
import { twinProblems, withTwinHosts } from './twin-hosts.ts';

/** What a schema cannot say: roles, uniqueness, CIDRs. */
export function semanticProblems(testbed: Testbed): Problem[] {
  const ofTwin = twinProblems(testbed);
  if (ofTwin.length > 0) return ofTwin;
  if (testbed.kind === 'twin' && testbed.twin) return cidrProblems(withTwinHosts(testbed));
  // A twin without hosts of its own makes them.
  if (testbed.kind === 'twin' && testbed.hosts.length === 0) return cidrProblems(testbed);
  return [...roleProblems(testbed), ...uniquenessProblems(testbed), ...clusterProblems(testbed), ...cidrProblems(testbed)];
}

function roleProblems({ hosts }: Testbed): Problem[] {
  const problems: Problem[] = [];
  const management = hosts.flatMap((host, index) => (host.role === 'management' ? [index] : []));
  if (management.length === 0)
    problems.push({
      path: ['hosts'],
      text: 'no host has the role management',
      remedy: 'Give exactly one host the role management',
    });
  for (const index of management.slice(1)) {
    const first = hosts[management[0]!]!.name;
    const text = `two hosts have the role management, ${first} and ${hosts[index]!.name}`;
    problems.push({ path: ['hosts', index, 'role'], text, remedy: 'Give exactly one host the role management' });
  }
  for (const [index, host] of hosts.entries()) {
    const own = host.cluster === 'management';
    if (host.role === 'management' && !own)
      problems.push({
        path: ['hosts', index, 'cluster'],
        text: `the management host ${host.name} is a cluster of its own, "management", not "${host.cluster}"`,
      });
    if (host.role !== 'management' && own)
      problems.push({ path: ['hosts', index, 'cluster'], text: `${host.name} is a ${host.role}, and "management" has none` });
  }
  for (const cluster of new Set(hosts.map((host) => host.cluster))) {
    if (cluster === 'management') continue;
    const masters = hosts.flatMap((host, index) => (host.cluster === cluster && host.role === 'master' ? [index] : []));
    const any = hosts.findIndex((host) => host.cluster === cluster);
    if (masters.length === 0)
      problems.push({
        path: ['hosts', any, 'cluster'],
        text: `cluster "${cluster}" has no master`,
        remedy: 'Give one of its hosts the role master',
      });
    const [first, second] = masters;
    if (first !== undefined && second !== undefined)
      problems.push({
        path: ['hosts', second, 'role'],
        text: `cluster "${cluster}" has two masters, ${hosts[first]!.name} and ${hosts[second]!.name}`,
        remedy: `Make ${hosts[second]!.name} a worker`,
      });
  }
  return problems;
}

const placeOf = ({ address, port = 22, jump }: Host): string => JSON.stringify([address.toLowerCase(), port, jump ?? null]);

function uniquenessProblems({ hosts }: Testbed): Problem[] {
  return hosts.flatMap((host, index) => {
    const problems: Problem[] = [];
    const before = hosts.slice(0, index);
    if (before.some((other) => other.name === host.name))
      problems.push({ path: ['hosts', index, 'name'], text: `two hosts are called "${host.name}"` });
    // Behind different jump hosts the same address is another host.
    const place = placeOf(host);
    const same = before.find((other) => placeOf(other) === place);
    if (same)
      problems.push({
        path: ['hosts', index, 'address'],
        text: `${host.name} and ${same.name} have the same address, ${host.address}`,
      });
    return problems;
  });
}

function clusterProblems({ hosts, clusters }: Testbed): Problem[] {
  const used = new Set(hosts.map((host) => host.cluster));
  return [
    ...[...used]
      .filter((cluster) => clusters[cluster] === undefined)
      .map((cluster) => ({
        path: ['clusters'],
        text: `cluster "${cluster}" is not described`,
        remedy: `Add ${cluster} with podCidr and serviceCidr under clusters`,
      })),
    ...Object.keys(clusters)
      .filter((cluster) => !used.has(cluster))
      .map((cluster) => ({ path: ['clusters', cluster], atKey: true, text: `cluster "${cluster}" has no hosts` })),
    ...Object.entries(clusters).flatMap(([cluster, { standby }]) => {
      if (
        standby === undefined ||
        hosts.some((host) => host.name === standby && host.cluster === cluster && host.role === 'worker')
      )
        return [];
      const workers = hosts.filter((host) => host.cluster === cluster && host.role === 'worker').map(({ name }) => name);
      return {
        path: ['clusters', cluster, 'standby'],
        text: `${standby} is no worker of "${cluster}"`,
        remedy:
          workers.length > 0 ? `Name one of its workers: ${workers.join(', ')}` : 'Give the cluster a worker, or leave it out',
      };
    }),
  ];
}

function cidrProblems({ clusters }: Testbed): Problem[] {
  const all = Object.entries(clusters).flatMap(([cluster, cidrs]) =>
    (['podCidr', 'serviceCidr'] as const).map((key) => ({
      path: ['clusters', cluster, key],
      cidr: cidrs[key],
      of: `${key} of ${cluster}`,
    })),
  );
  return all.flatMap((one, index) => {
    if (cidrRange(one.cidr) === null) return [{ path: one.path, text: `"${one.cidr}" is not a CIDR such as 10.11.0.0/16` }];
    const other = all.slice(0, index).find(({ cidr }) => cidrsOverlap(cidr, one.cidr));
    if (!other) return [];
    const text = `${one.of}, ${one.cidr}, overlaps with ${other.of}, ${other.cidr}`;
    return [{ path: one.path, text, remedy: 'Choose CIDRs that do not overlap, e.g. 10.10.0.0/16, 10.11.0.0/16 and so on' }];
  });
}
