import { standbyAgent } from '../../provisioning/phases/bus/users.ts';
import type { Testbed } from '../../provisioning/testbed/schema.ts';

/**
 * Commands that are typed into a person's own shell, with names that an API or the bus has told. One that is more than a name gives none: a line
 * break in it would run what comes before, and a quote or a semicolon would be part of the command.
 */
const isName = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text);

export const describeNode = (name: string): string | undefined => (isName(name) ? `kubectl describe node ${name}` : undefined);

/** Node agents are called after their hosts; those above run on control planes, and on a worker that stands by. */
export function readLog(
  testbed: Testbed,
  { agent, layer, cluster, node }: { agent: string; layer: string; cluster: string; node?: string | undefined },
): string | undefined {
  const control = testbed.hosts.find((host) => host.cluster === cluster && host.role !== 'worker')?.name;
  const standby = agent === standbyAgent(cluster) ? testbed.clusters[cluster]?.standby : undefined;
  const host = layer === 'continuum' ? managementOf(testbed) : (node ?? standby ?? control ?? agent);
  const names = [testbed.name, host, layer];
  return names.every(isName) ? `mlsysops-cli agents logs ${testbed.name} ${host} --layer ${layer}` : undefined;
}

export const managementOf = ({ hosts }: Testbed): string =>
  hosts.find(({ role }) => role === 'management')?.name ?? hosts[0]?.name ?? 'local';
