import type { Host, Testbed } from '../testbed/schema.ts';
import type { HostFacts } from './facts/host-facts.ts';
import type { Check, CheckFamily } from './preflight/check.ts';
import { existingChecks } from './preflight/existing.ts';
import { identityChecks } from './preflight/identity.ts';
import { networkChecks } from './preflight/network.ts';
import { portChecks } from './preflight/ports.ts';
import { resourceChecks } from './preflight/resources.ts';
import { softwareChecks } from './preflight/software.ts';
import { systemChecks } from './preflight/system.ts';

export type { Check } from './preflight/check.ts';

export const preflightPhase = { id: 'preflight', title: 'Preflight' } as const;

const families: CheckFamily[] = [
  systemChecks,
  resourceChecks,
  portChecks,
  networkChecks,
  identityChecks,
  existingChecks,
  softwareChecks,
];

/** Everything that the facts alone can tell, before anything is changed. */
export function checkHosts(testbed: Testbed, facts: ReadonlyMap<string, HostFacts>): Check[] {
  return testbed.hosts.flatMap((host) => {
    const of = facts.get(host.name);
    if (of === undefined) return [];
    const subject = { host, facts: of, testbed, all: facts };
    const findings = families.flatMap((family) => family(subject));
    return findings.map((finding) => tolerated({ ...finding, host: host.name }, testbed));
  });
}

/** An error that the testbed file says to go on with is a warning. */
export const tolerated = (check: Check, testbed: Testbed): Check =>
  check.severity === 'error' && testbed.preflight.ignore.includes(check.id) ? { ...check, severity: 'warning' } : check;

/** A TCP connection that the testbed will need between two hosts. */
export interface Path {
  from: string;
  to: string;
  address: string;
  port: number;
}

/** Who must reach whom: SSH's own port tells whether there is a way at all, the others whether a firewall stands in it. */
export function pathsOf(testbed: Testbed, addressOf: (host: Host) => string): Path[] {
  const management = testbed.hosts.find((host) => host.role === 'management');
  return testbed.hosts.flatMap((from) =>
    testbed.hosts.flatMap((to) => {
      if (from === to) return [];
      const ports = [to.port];
      const sameCluster = from.cluster === to.cluster;
      if (to.role !== 'worker' && (sameCluster || from === management)) ports.push(6443);
      if (to === management && from.role === 'master') ports.push(7422);
      if (to.role === 'master' && sameCluster) ports.push(4222);
      return ports.map((port) => ({ from: from.name, to: to.name, address: addressOf(to), port }));
    }),
  );
}

/** Tries all paths of one host at once; says "reach <index> <answer>". A closed port answers too: what counts is that there is an answer. */
export const reachScript = (paths: readonly Path[]): string => `
command -v bash >/dev/null && command -v timeout >/dev/null || { echo untestable; exit 0; }
${paths
  .map(
    ({ address, port }, index) =>
      `( said=$(timeout 3 bash -c ': </dev/tcp/${address}/${port}' 2>&1); code=$?; case "$code $said" in 0*) echo reach ${index} open;; 124*) echo reach ${index} silent;; *refused*) echo reach ${index} closed;; *) echo reach ${index} none;; esac ) &`,
  )
  .join('\n')}
wait
`;

export function checkPaths(paths: readonly Path[], stdout: string): Check[] {
  const answers = new Map(
    stdout.split('\n').flatMap((line) => {
      const [word, index, answer] = line.split(' ');
      return word === 'reach' && answer !== undefined ? [[Number(index), answer] as const] : [];
    }),
  );
  return paths.map((path, index) => {
    const answer = answers.get(index);
    const id = `reach-${path.to}-${path.port}`;
    if (answer === undefined) return { id, host: path.from, severity: 'ok', evidence: 'could not be tried from there' };
    if (answer === 'open' || answer === 'closed') return { id, host: path.from, severity: 'ok', evidence: answer };
    return {
      id,
      host: path.from,
      severity: 'warning',
      evidence: `it gets no answer from ${path.to} at ${path.address} port ${path.port}${answer === 'none' ? ' (no route)' : ''}`,
      remedy: `Open port ${path.port} of ${path.to} to ${path.from}, in firewalls on the way too`,
    };
  });
}
