import type { Problem } from './located.ts';
import type { Host, Testbed } from './schema.ts';
import { serviceProblems } from './service-problems.ts';
import { type TwinNodes, type TwinSection, twinNodesSchema } from './twin-schema.ts';

/** One node of a twin: the group it is of, with a name of its own. */
export interface TwinNodePlan extends TwinNodes {
  /** Name of its group. */
  group: string;
  address: string;
}

/** More than so many no computer of today simulates with their agents; it is what a twin's addresses reach for, too. */
const mostNodes = 20_000;
/** The first address is 10.77.0.10. */
const firstAddress = 10;

/** The nodes of a twin one by one, in the order of the file; the management node and masters that are not named come first. */
export function nodesOfTwin({ nodes }: TwinSection): TwinNodePlan[] {
  const clusters = [...new Set(nodes.flatMap(({ cluster, role }) => (role === 'management' ? [] : [cluster])))];
  const has = (role: TwinNodes['role'], cluster: string) => nodes.some((one) => one.role === role && one.cluster === cluster);
  const added = [
    ...(nodes.some(({ role }) => role === 'management')
      ? []
      : [twinNodesSchema.parse({ name: 'management', role: 'management', cluster: 'management' })]),
    ...clusters
      .filter((cluster) => !has('master', cluster))
      .map((cluster) => twinNodesSchema.parse({ name: `master-${cluster}`, role: 'master', cluster })),
  ];
  return [...added, ...nodes]
    .flatMap((group) =>
      Array.from({ length: group.count }, (_, index) => ({
        ...group,
        group: group.name,
        name: group.count === 1 ? group.name : `${group.name}-${index + 1}`,
        count: 1,
        cluster: group.role === 'management' ? 'management' : group.cluster,
      })),
    )
    .map((node, index) => ({ ...node, address: addressOf(index + firstAddress) }));
}

const addressOf = (index: number): string => `10.77.${index >> 8}.${index & 255}`;

/** A twin that describes what it simulates has its hosts and networks from there, whatever else the file says of them. */
export function withTwinHosts<T extends Pick<Testbed, 'kind' | 'twin' | 'clusters'>>(testbed: T): T & Pick<Testbed, 'hosts'> {
  if (testbed.kind !== 'twin' || !testbed.twin) return { hosts: [], ...testbed };
  const hosts = nodesOfTwin(testbed.twin).map(
    ({ name, address, role, cluster, labels }): Host => ({ name, address, role, cluster, labels }),
  );
  const clusters = [...new Set(hosts.map(({ cluster }) => cluster))];
  return {
    ...testbed,
    hosts,
    clusters: Object.fromEntries(clusters.map((cluster, index) => [cluster, testbed.clusters[cluster] ?? networksOf(index)])),
  };
}

const networksOf = (index: number) => ({
  podCidr: `10.${10 + 2 * index}.0.0/16`,
  serviceCidr: `10.${11 + 2 * index}.0.0/16`,
});
/** Pods' and services' networks of more clusters than these would meet the nodes' addresses. */
const mostClusters = 33;

/** What a schema cannot say of what is simulated. */
export function twinProblems({ kind, twin }: Testbed): Problem[] {
  if (!twin) return [];
  if (kind !== 'twin') return [{ path: ['twin'], atKey: true, text: `"twin" is for kind twin, not for ${kind}` }];
  const count = twin.nodes.reduce((sum, group) => sum + group.count, 0);
  if (count > mostNodes) return [{ path: ['twin', 'nodes'], text: `${count} nodes are more than ${mostNodes}` }];
  const nodes = nodesOfTwin(twin);
  const problems: Problem[] = serviceProblems(twin.services);
  const at = (index: number, key?: string) => ['twin', 'nodes', index, ...(key === undefined ? [] : [key])];
  const gateways = new Map(twin.gateways.map((gateway) => [gateway.name, gateway]));
  const roles = new Map<string, string>();
  for (const [index, group] of twin.nodes.entries()) {
    const { name, role, cluster, gateway } = group;
    if (role !== 'worker') {
      const unique = role === 'management' ? 'management' : `master of ${cluster}`;
      const other = roles.get(unique);
      if (group.count > 1 || other !== undefined)
        problems.push({ path: at(index, 'role'), text: `there is more than one ${unique}: ${other ?? `${name}-1`} and ${name}` });
      roles.set(unique, name);
    }
    if (role !== 'management' && cluster === 'management')
      problems.push({ path: at(index, 'cluster'), text: `${name} is a ${role}, and "management" has none` });
    if (cluster === 'karmada') problems.push({ path: at(index, 'cluster'), text: '"karmada" is the name of Karmada\'s own API' });
    if (gateway !== undefined && !gateways.has(gateway))
      problems.push({ path: at(index, 'gateway'), text: `there is no gateway "${gateway}"`, remedy: 'Name it under gateways' });
    if (group.moves && ![...gateways.values()].some((one) => one.position))
      problems.push({
        path: at(index, 'moves'),
        text: `${name} moves, and no gateway has a position`,
        remedy: 'Give at least one gateway a position',
      });
  }
  const names = new Set<string>();
  for (const { name, group } of nodes) {
    if (names.has(name))
      problems.push({
        path: at(
          twin.nodes.findIndex((one) => one.name === group),
          'name',
        ),
        text: `two nodes are called "${name}"`,
      });
    names.add(name);
  }
  if (new Set(twin.gateways.map(({ name }) => name)).size < twin.gateways.length)
    problems.push({ path: ['twin', 'gateways'], text: 'two gateways have the same name' });
  if (new Set(nodes.map(({ cluster }) => cluster)).size > mostClusters)
    problems.push({ path: ['twin', 'nodes'], text: `there are more than ${mostClusters} clusters` });
  const groups = new Set([...names, ...nodes.map(({ group }) => group)]);
  for (const [index, { node }] of twin.failures.planned.entries())
    if (!names.has(node))
      problems.push({ path: ['twin', 'failures', 'planned', index, 'node'], text: `there is no node "${node}"` });
  for (const [index, { nodes: of }] of twin.failures.random.entries())
    for (const name of of)
      if (!groups.has(name))
        problems.push({ path: ['twin', 'failures', 'random', index, 'nodes'], text: `there is no node or group "${name}"` });
  return problems;
}
