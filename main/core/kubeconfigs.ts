import { readFile } from 'node:fs/promises';
import { kubeconfigFile } from '../../provisioning/phases/support/state.ts';
import { ContractError } from '../contract/contract.ts';
import { apisOf } from './lifecycle.ts';
import type { TestbedEntry } from './testbeds.ts';
import type { Twins } from './twins.ts';

const apisIn = ({ testbed }: TestbedEntry, twins: Twins): string[] =>
  testbed.kind === 'twin' ? Object.keys(twins.find(testbed.name)?.ready.kubeconfigs ?? {}) : apisOf(testbed);

/** Those that there are: a testbed that is not up has none. Member clusters first, which one mostly means. */
export async function kubeconfigsOf(entry: TestbedEntry, twins: Twins): Promise<Record<string, string>> {
  const isMember = (cluster: string): boolean => cluster !== 'management' && cluster !== 'karmada';
  const clusters = apisIn(entry, twins).toSorted((a, b) => Number(isMember(b)) - Number(isMember(a)));
  const found = await Promise.all(
    clusters.map(async (cluster) => {
      try {
        return [[cluster, await kubeconfigOf(entry, cluster, twins)] as const];
      } catch (error) {
        if (error instanceof ContractError) return [];
        throw error;
      }
    }),
  );
  return Object.fromEntries(found.flat());
}

/** Text of the kubeconfig of a cluster, or of "karmada". @throws ContractError not-up, no-such-cluster */
export async function kubeconfigOf(entry: TestbedEntry, cluster: string, twins: Twins): Promise<string> {
  const { testbed, folder } = entry;
  if (testbed.kind === 'twin') return twins.kubeconfig(testbed.name, cluster);
  const clusters = apisOf(testbed);
  if (!clusters.includes(cluster))
    throw new ContractError(
      'no-such-cluster',
      `The testbed "${testbed.name}" has no cluster "${cluster}".`,
      `It has: ${clusters.join(', ')}.`,
    );
  try {
    return await readFile(kubeconfigFile(folder.secrets, cluster), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new ContractError(
      'not-up',
      `There is no kubeconfig of "${cluster}" yet.`,
      `Set the testbed up first: testbed up ${testbed.name}.`,
    );
  }
}
