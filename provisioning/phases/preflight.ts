import type { Testbed } from '../testbed/schema.ts';
import type { HostFacts } from './facts/host-facts.ts';
import { type Check, type CheckFamily, tolerated } from './preflight/check.ts';
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
