import { isIPv4 } from 'node:net';
import { Failure } from '../../run/failure.ts';
import type { RunContext, Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { apiPort } from '../kubernetes/kubeadm-configuration.ts';
import { answers } from '../support/answers.ts';
import { addressOf, controlPlaneOf, factsOf, memberClusters } from '../support/hosts.ts';
import { script } from '../support/shell.ts';
import { doneNote } from './scripts.ts';

/**
 * Karmada's certificate and every member's kubeconfig carry the address that Karmada is told of: before it is, every member's control plane
 * has reached the management host there. The management cluster's own API, which listens on all addresses, answers for it.
 */
export function addressStep(host: Host, context: RunContext): Step {
  const address = addressOf(host, context);
  return {
    id: 'karmada-address',
    title: `See that the members reach the management host at ${address}`,
    observe: `[ -e ${doneNote} ]`,
    verify: ':',
    change: async () => {
      const members = memberClusters(context.testbed).map((cluster) => controlPlaneOf(context.testbed, cluster));
      const reached = await Promise.all(
        members.map(async (member) => ({ member, by: await reachableAddresses(host, member, context) })),
      );
      const without = reached.filter(({ by }) => !by.includes(address));
      if (without.length === 0) return ':';
      const names = without.map(({ member }) => member.name).join(', ');
      const common = reached.map(({ by }) => by).reduce((one, other) => one.filter((candidate) => other.includes(candidate)));
      throw new Failure({
        code: 'step',
        host: host.name,
        phase: 'karmada',
        step: 'karmada-address',
        cause: `${names} cannot reach ${host.name} at ${address} (port ${apiPort})`,
        remedy:
          common.length > 0
            ? `All members reach it at ${common.join(' or ')}: give that as its address in the testbed file, and take the testbed down before the next "up"`
            : `Open the way between ${host.name} and ${names}, or give an address of ${host.name} in the testbed file that they share a network with`,
      });
    },
    timeoutS: 120,
  };
}

/** Those of a host's addresses at which its API answers another one. */
async function reachableAddresses(host: Host, from: Host, context: RunContext): Promise<string[]> {
  const own = (factsOf(host, context)?.addresses ?? []).map((one) => one.replace(/\/.*$/, ''));
  const candidates = [...new Set([addressOf(host, context), ...own.filter((one) => isIPv4(one) && !one.startsWith('127.'))])];
  const output = await context.execute(
    from.name,
    script(...candidates.map((one) => `if ${answers(`https://${one}:${apiPort}/readyz`)}; then echo ${one}; fi`)),
    { phase: 'karmada', step: 'karmada-address', timeoutS: 20 + candidates.length * 10 },
  );
  const answered = output.split('\n').map((line) => line.trim());
  return candidates.filter((one) => answered.includes(one));
}
