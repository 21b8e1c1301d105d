import { revokeAgent } from '../phases/bus/keys.ts';
import { nodeAgent } from '../phases/bus/users.ts';
import { doneNote } from '../phases/kubernetes/scripts.ts';
import { forgetNodeNetworks } from '../phases/network/node-networks.ts';
import { controlPlaneOf, isAdopted, isControlPlane } from '../phases/support/hosts.ts';
import type { RecipeOptions } from '../phases/support/options.ts';
import { makeRecipe } from '../recipe.ts';
import type { Phase, Step } from '../run/phase.ts';
import type { Testbed } from '../testbed/schema.ts';
import { forgetStep } from './drain.ts';
import type { Operation } from './operation.ts';
import { hostNamed } from './testbed-edit.ts';
import { contextFor, phasesFor } from './with-testbed.ts';

/**
 * Sets a host up again whose system was installed anew (same name, same address): its cluster forgets the former node and the pods that were
 * on it, then everything that is missing is brought about. A host that still is a node of ours is only brought up to date. A re-imaged
 * control plane takes its cluster with it: its workers join the new one.
 * The host's new key must have been trusted before (replaceHostKey of ssh/host-keys.ts).
 * @throws Failure (refused) when there is no such host
 */
export function replaceHost(testbed: Testbed, name: string, options: RecipeOptions): Operation {
  const host = hostNamed(testbed, name);
  const controlPlane = controlPlaneOf(testbed, host.cluster);
  const forget: Phase = {
    id: 'forget',
    title: `Forget the former ${name}`,
    needs: () => [],
    steps: async (current, context) => {
      if (isControlPlane(host) || isAdopted(host, testbed) || current.name !== controlPlane.name) return [];
      const answer = await context.execute(name, `[ ! -e ${doneNote} ] || echo node`, { phase: 'forget' });
      if (answer.trim() === 'node') return [];
      const step = forgetStep(name);
      const change = async (): Promise<string> => {
        // What its agent got in with may have gone with the former system's disk.
        await revokeAgent(context.stateFolder, nodeAgent(name));
        forgetNodeNetworks(host.cluster, contextFor(context, testbed));
        return String(step.change);
      };
      return [{ ...step, change } satisfies Step];
    },
  };
  return {
    verb: 'replace-host',
    testbed,
    phases: [forget, ...phasesFor(testbed, makeRecipe(options), [{ host: controlPlane.name, phase: 'forget' }])],
    before: testbed,
    after: testbed,
  };
}
