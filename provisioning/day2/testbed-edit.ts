import { Failure } from '../run/failure.ts';
import type { Host, Testbed } from '../testbed/schema.ts';
import { semanticProblems } from '../testbed/semantics.ts';

export const refused = (cause: string, remedy?: string, host?: string): Failure =>
  new Failure({ code: 'refused', host, cause, remedy });

/** @throws Failure (refused) naming the hosts there are */
export function hostNamed(testbed: Testbed, name: string): Host {
  const host = testbed.hosts.find((one) => one.name === name);
  if (host !== undefined) return host;
  const names = testbed.hosts.map((one) => one.name).join(', ');
  throw refused(`the testbed ${testbed.name} has no host "${name}"`, `Its hosts: ${names}`);
}

/** The testbed with one more worker. @throws Failure (refused) when its name or address is taken, or its cluster is none of the testbed's */
export function withHost(testbed: Testbed, host: Host): Testbed {
  if (host.role !== 'worker')
    throw refused(
      `${host.name} is a ${host.role}: only workers can be added to a testbed that is up`,
      'Add a whole cluster in the testbed file, then run "up"',
      host.name,
    );
  if (!testbed.hosts.some((other) => other.cluster === host.cluster))
    throw refused(
      `the testbed ${testbed.name} has no cluster "${host.cluster}"`,
      `Its clusters: ${[...new Set(testbed.hosts.map((other) => other.cluster))].join(', ')}`,
      host.name,
    );
  const edited: Testbed = { ...testbed, hosts: [...testbed.hosts, host] };
  const [problem] = semanticProblems(edited);
  if (problem !== undefined) throw refused(problem.text, problem.remedy, host.name);
  return edited;
}

/** The testbed without a worker. @throws Failure (refused) when there is no such host, or others are built on it */
export function withoutHost(testbed: Testbed, name: string): Testbed {
  const host = hostNamed(testbed, name);
  if (host.role === 'management')
    throw refused(
      `${name} is the management host: the whole testbed is built on it`,
      'Take down the testbed instead ("down")',
      name,
    );
  if (host.role === 'master')
    throw refused(
      `${name} is the control plane of ${host.cluster}, which its workers are built on`,
      'Take down the testbed, remove that cluster from the testbed file, then run "up"',
      name,
    );
  const clusters = Object.entries(testbed.clusters).map(([cluster, { standby, ...rest }]) => [
    cluster,
    // The one on the master goes on alone.
    standby === undefined || standby === name ? rest : { ...rest, standby },
  ]);
  return {
    ...testbed,
    clusters: Object.fromEntries(clusters),
    hosts: testbed.hosts.filter((other) => other.name !== name),
  };
}
