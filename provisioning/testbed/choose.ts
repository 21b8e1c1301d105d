import { Failure } from '../run/failure.ts';
import { cidrsOverlap } from './cidr.ts';
import { type HostRole, type Testbed, testbedSchema } from './schema.ts';
import { semanticProblems } from './semantics.ts';

/** A host that somebody chose, e.g. from ~/.ssh/config, and what it shall be. */
export interface ChosenHost {
  /** Address, or name in ~/.ssh/config. */
  address: string;
  role: HostRole;
  /** Default: "management" for the management host, else "cluster1". */
  cluster?: string;
}

/**
 * A testbed of hosts that were chosen from a list: named after their addresses, with networks that do not overlap.
 * @throws Failure (refused) naming what cannot be
 */
export function testbedOf(name: string, chosen: readonly ChosenHost[]): Testbed {
  const taken = new Set<string>();
  const hosts = chosen.map(({ address, role, cluster }) => ({
    name: freeName(asName(address) || role, taken),
    address,
    role,
    cluster: cluster ?? (role === 'management' ? 'management' : 'cluster1'),
  }));
  const free = freeCidrs([]);
  const names = [...new Set(hosts.map((host) => host.cluster))];
  const clusters = Object.fromEntries(names.map((cluster) => [cluster, { podCidr: free(), serviceCidr: free() }]));
  const parsed = testbedSchema.safeParse({ name, kind: 'hosts', hosts, clusters });
  if (!parsed.success)
    throw new Failure({ code: 'refused', cause: parsed.error.issues.map(({ message }) => message).join('; ') });
  const [problem] = semanticProblems(parsed.data);
  if (problem !== undefined) throw new Failure({ code: 'refused', cause: problem.text, remedy: problem.remedy });
  return parsed.data;
}

function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let number = 2; taken.has(name); number++) name = `${wanted.slice(0, 58)}-${number}`;
  taken.add(name);
  return name;
}

/** Names elsewhere may have underscores, dots and capitals; those of Kubernetes nodes here have none. */
export const asName = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');

/** 10.10.0.0/16, 10.11.0.0/16 and so on, as the framework's reference does, past what is taken. */
export function freeCidrs(taken: readonly string[]): () => string {
  const used = [...taken];
  return () => {
    for (let second = 10; second < 256; second++) {
      const cidr = `10.${second}.0.0/16`;
      if (used.some((one) => cidrsOverlap(one, cidr))) continue;
      used.push(cidr);
      return cidr;
    }
    return '10.255.0.0/16';
  };
}
