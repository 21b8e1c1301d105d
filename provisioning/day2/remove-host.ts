import { revokeAgent } from '../phases/bus/keys.ts';
import { nodeAgent } from '../phases/bus/users.ts';
import { addressOf, controlPlaneOf, isAdopted } from '../phases/support/hosts.ts';
import type { RecipeOptions } from '../phases/support/options.ts';
import { allOf, script } from '../phases/support/shell.ts';
import { makeRecipe } from '../recipe.ts';
import type { Phase, RunContext, Step } from '../run/phase.ts';
import type { Host, Testbed } from '../testbed/schema.ts';
import { cordonStep, type DrainOptions, drainStep, forgetStep } from './drain.ts';
import type { Operation } from './operation.ts';
import { hostNamed, withoutHost } from './testbed-edit.ts';
import { undoSteps } from './undo.ts';
import { phasesFor } from './with-testbed.ts';

/**
 * Takes a worker out of a running testbed: its pods are evicted, the host is reset as far as it is ours, its node, routes and bus user go, and
 * the others are verified. `gone`: the host cannot be reached any more, so that it is neither drained nor reset.
 * @throws Failure (refused) when there is no such worker
 */
export function removeHost(
  testbed: Testbed,
  name: string,
  options: RecipeOptions,
  how: DrainOptions & { gone?: boolean } = {},
): Operation {
  const host = hostNamed(testbed, name);
  const after = withoutHost(testbed, name);
  const { gone = false } = how;
  // The nodes of a cluster that was there before us stay: only what is ours leaves them.
  const adopted = isAdopted(host, testbed);
  const controlPlane = controlPlaneOf(testbed, host.cluster);
  const on =
    (wanted: Host, steps: (context: RunContext) => Step[] | Promise<Step[]>): Phase['steps'] =>
    (current, context) =>
      current.name === wanted.name ? steps(context) : [];
  const drain: Phase = {
    id: 'drain',
    title: `Drain ${name}`,
    steps: on(controlPlane, () => (adopted ? [] : [cordonStep(name), drainStep(name, how)])),
  };
  const reset: Phase = {
    id: 'reset',
    title: `Reset ${name}`,
    needs: (current) => (current.name === name ? [{ host: controlPlane.name, phase: 'drain' }] : []),
    steps: on(host, (context) => undoSteps(makeRecipe(options), host, context)),
  };
  const forget: Phase = {
    id: 'forget',
    title: `Forget ${name}`,
    // kubelet would register its node again as long as it runs.
    needs: () => (gone ? [] : [{ host: name, phase: 'reset' }]),
    steps: (current, context) => [
      ...(current.name === controlPlane.name && !adopted ? [forgetStep(name)] : []),
      ...(current.cluster === host.cluster && current.name !== name ? [routeStep(host, context)] : []),
    ],
    after: async (context) => {
      // A host of that name that is added later gets a password and a certificate of its own.
      await revokeAgent(context.stateFolder, nodeAgent(name));
      if (gone && !adopted)
        context.warn(
          `${name} could not be reset: it still has its certificate, and joins ${host.cluster} again should it come back`,
          {
            phase: 'forget',
            remedy: `Reset it before it comes back on this network, or add it again and remove it then`,
          },
        );
    },
  };
  return {
    verb: 'remove-host',
    // Who is gone is not even tried.
    testbed: gone ? after : testbed,
    phases: [
      ...(gone ? [] : [drain, reset]),
      forget,
      ...phasesFor(after, makeRecipe(options), [{ host: controlPlane.name, phase: 'forget' }]),
    ],
    before: testbed,
    after,
  };
}

/** Another node's pods may get that network next: the way to it through this host must not be left. */
function routeStep(host: Host, context: RunContext): Step {
  const pods = context.testbed.clusters[host.cluster]?.podCidr ?? '0.0.0.0/32';
  const routes = `ip -4 route show root ${pods} via ${addressOf(host, context)}`;
  return {
    id: 'route',
    title: `Remove the route to the pods of ${host.name}`,
    observe: allOf(`[ -z "$(${routes})" ]`),
    change: script(`ip -4 route flush root ${pods} via ${addressOf(host, context)}`),
  };
}
