import path from 'node:path';
import type { Phase, RunContext } from '../run/phase.ts';
import type { Host } from '../testbed/schema.ts';
import { clusterAccessStep, standbyAccessStep } from './agents/access.ts';
import { isStandbyHost, layersOf } from './agents/configuration.ts';
import { formerStandbyStep } from './agents/former-standby.ts';
import { programOf, programStep } from './agents/programs.ts';
import { sampleImageStep } from './agents/sample-image.ts';
import { agentServiceStep, clusterKubeconfigStep, karmadaKubeconfigStep } from './agents/service.ts';
import { agentProgram, agentUser } from './agents/units.ts';
import { busKeys } from './bus/keys.ts';
import { nodeProgram } from './prepare.ts';
import { userStep } from './support/files.ts';
import { controlPlaneOf, factsOf, isAdopted, isControlPlane } from './support/hosts.ts';
import type { PhaseTools } from './support/options.ts';

/** Containers of an adopted cluster are none of our business, and a double of kubelet has no images. */
async function needsSampleImage(host: Host, context: RunContext, tools: PhaseTools): Promise<boolean> {
  const architecture = factsOf(host, context)?.architecture;
  if (architecture === undefined || isAdopted(host, context.testbed)) return false;
  const artefacts = await tools.artefacts(context);
  const bundled = await artefacts.bundled(architecture).catch(() => []);
  return !bundled.some((entry) => entry.name === 'kubelet' && entry.double !== undefined);
}

/** Agents: one of each node, one of each cluster, one of the continuum; and the program of the sample application. */
export const agentsPhase = (tools: PhaseTools): Phase => ({
  id: 'agents',
  title: 'Agents',
  // Agents need no pod network: those of a cluster that lacks a worker start all the same.
  needs: (host, testbed) => [
    { host: host.name, phase: host.role === 'management' ? 'karmada' : 'kubernetes' },
    // Its own cluster's bus must be there, or the first heartbeats would wait for a reconnect.
    { host: controlPlaneOf(testbed, host.cluster).name, phase: 'bus' },
    // What it acts by is made there.
    ...(isStandbyHost(host, testbed) ? [{ host: controlPlaneOf(testbed, host.cluster).name, phase: 'agents' }] : []),
  ],
  steps: async (host, context) => {
    const { distFolder, assetsFolder } = tools.options;
    const keys = busKeys(context.stateFolder, context.testbed.name, tools.now);
    const sample = await programOf(
      path.join(assetsFolder, 'applications', 'smart-camera.mjs'),
      '/opt/mlsysops/share/smart-camera.mjs',
    );
    const ofLayers = layersOf(host, context.testbed).map(async (layer) => {
      const program = await programOf(path.join(distFolder, 'agents', `${layer}.mjs`), agentProgram(layer));
      return [
        programStep(`program-${layer}`, `Install the ${layer} agent`, program),
        await agentServiceStep(layer, host, context, keys, program.sha256 ?? 'missing'),
      ];
    });
    return [
      userStep(agentUser),
      programStep('smart-camera', "Install the sample application's program", sample),
      ...((await needsSampleImage(host, context, tools))
        ? [sampleImageStep({ runtime: nodeProgram, program: sample.target }, factsOf(host, context)?.architecture ?? 'amd64')]
        : []),
      // A cluster that was there before us signs no certificates for us: its agent uses the kubeconfig that was given for it.
      ...(isControlPlane(host) ? [isAdopted(host, context.testbed) ? clusterKubeconfigStep : clusterAccessStep()] : []),
      ...(isStandbyHost(host, context.testbed) ? [standbyAccessStep(host, context)] : []),
      ...(layersOf(host, context.testbed).includes('cluster') ? [] : [formerStandbyStep(host)]),
      ...(host.role === 'management' ? [karmadaKubeconfigStep] : []),
      ...(await Promise.all(ofLayers)).flat(),
    ];
  },
});
