import { imageSteps } from '../phases/kubernetes/images.ts';
import { kubernetesPhase } from '../phases/kubernetes.ts';
import { nowhereSteps } from '../phases/runtime/packed.ts';
import { sourcesOf } from '../phases/runtime/sources.ts';
import { controlPlaneOf, factsOf, hostsOf, isAdopted, isControlPlane } from '../phases/support/hosts.ts';
import { type RecipeOptions, toolsOf } from '../phases/support/options.ts';
import { makeRecipe } from '../recipe.ts';
import type { Phase, RunContext, Step } from '../run/phase.ts';
import type { Host, Testbed } from '../testbed/schema.ts';
import type { DrainOptions } from './drain.ts';
import type { Operation } from './operation.ts';
import { refused } from './testbed-edit.ts';
import { controlPlaneSteps, fitsStep, workerSteps } from './upgrade-steps.ts';
import { checkStep } from './versions.ts';
import { contextFor, phasesFor } from './with-testbed.ts';

/**
 * Brings a running testbed to another patch or to the next minor version of Kubernetes: each cluster's control plane, then its workers one by
 * one, each drained before its kubelet is exchanged, and its container runtime where the new version wants a newer one. An interrupted one goes on where it stopped. `bundle` is the offline bundle that holds the
 * new version, when artefacts come from one.
 * @throws Failure (refused) when the version is no step from the testbed's
 */
export function upgrade(
  testbed: Testbed,
  version: string,
  options: RecipeOptions,
  how: DrainOptions & { bundle?: string } = {},
): Operation {
  checkStep(testbed.kubernetes.version, version);
  if (testbed.hosts.every((host) => isAdopted(host, testbed)))
    throw refused('all clusters of this testbed were there before it', 'Upgrade them as they were made');
  const after: Testbed = {
    ...testbed,
    kubernetes: { ...testbed.kubernetes, version },
    artefacts: { ...testbed.artefacts, ...(how.bundle === undefined ? {} : { bundle: how.bundle }) },
  };
  const tools = toolsOf(options);
  // Clusters that were there before us are upgraded by those who made them.
  const steps =
    (make: (host: Host, context: RunContext) => Promise<Step[]>): Phase['steps'] =>
    (host, context) =>
      isAdopted(host, testbed) ? [] : make(host, contextFor(context, after));
  const phases: Phase[] = [
    {
      id: 'versions',
      title: 'Versions',
      needs: () => [],
      steps: steps(async (host, context) => [
        ...nowhereSteps(await sourcesOf(factsOf(host, context), await tools.artefacts(context))),
        ...(isControlPlane(host) ? [await fitsStep(host, context, tools)] : []),
      ]),
    },
    // Before a control plane goes up: kubeadm's health check runs its new pause image on any node, and new kube-proxies start on all at once.
    {
      id: 'images',
      title: 'Container images',
      needs: () => testbed.hosts.map((host) => ({ host: host.name, phase: 'versions' })),
      steps: steps((host, context) => imageSteps(tools, context, host)),
    },
    {
      id: 'control-planes',
      title: 'Control planes',
      needs: (host) => hostsOf(testbed, host.cluster).map((other) => ({ host: other.name, phase: 'images' })),
      steps: steps(async (host, context) => (isControlPlane(host) ? controlPlaneSteps(host, context, tools) : [])),
      // kubeadm renews certificates as it goes, those of kubeconfigs too.
      after: async (context) => kubernetesPhase(tools).after?.(contextFor(context, after)),
    },
    {
      id: 'workers',
      title: 'Workers, one by one',
      needs: (host) => {
        if (isControlPlane(host)) return [];
        const workers = hostsOf(testbed, host.cluster).filter((other) => !isControlPlane(other));
        const former = workers[workers.findIndex((other) => other.name === host.name) - 1];
        return [
          { host: controlPlaneOf(testbed, host.cluster).name, phase: 'control-planes' },
          ...(former === undefined ? [] : [{ host: former.name, phase: 'workers' }]),
        ];
      },
      steps: steps(async (host, context) => (isControlPlane(host) ? [] : workerSteps(host, context, tools, how))),
    },
  ];
  const last = testbed.hosts.flatMap((host) => ['control-planes', 'workers'].map((phase) => ({ host: host.name, phase })));
  const rest = makeRecipe(options).filter(({ id }) => ['network', 'karmada', 'agents', 'verify'].includes(id));
  return { verb: 'upgrade', testbed, phases: [...phases, ...phasesFor(after, rest, last)], before: testbed, after };
}
