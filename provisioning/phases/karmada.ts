import type { Phase, Step } from '../run/phase.ts';
import type { Host, Testbed } from '../testbed/schema.ts';
import { addressStep } from './karmada/address.ts';
import { initStep } from './karmada/init.ts';
import { joinStep } from './karmada/join.ts';
import { noPullStep, registerStep } from './karmada/register.ts';
import { karmadaKubeconfig } from './karmada/scripts.ts';
import { controlPlaneOf, factsOf, managementHost, memberClusters } from './support/hosts.ts';
import { installStep } from './support/install.ts';
import type { PhaseTools } from './support/options.ts';
import { script } from './support/shell.ts';
import { kubeconfigFile, writePrivate } from './support/state.ts';

const phase = 'karmada';
export const crdsArchive = '/opt/mlsysops/karmada/crds.tar.gz';

const joinsByPull = (host: Host, testbed: Testbed): boolean =>
  host.role === 'master' && testbed.clusters[host.cluster]?.join === 'pull';

/** Karmada on the management cluster; every other cluster joins it under its own id, by push or by pull. */
export const karmadaPhase = (tools: PhaseTools): Phase => ({
  id: phase,
  title: 'Karmada',
  // Joining asks only for a member's API: a member that lacks a worker is joined all the same.
  needs: (host, testbed) =>
    host.role === 'management'
      ? [
          { host: host.name, phase: 'network' },
          ...memberClusters(testbed).map((cluster) => ({ host: controlPlaneOf(testbed, cluster).name, phase: 'kubernetes' })),
        ]
      : joinsByPull(host, testbed)
        ? // Its agent is a pod there.
          [
            { host: host.name, phase: 'network' },
            { host: managementHost(testbed).name, phase },
          ]
        : [],
  steps: async (host, context) => {
    const karmadactl = () => installStep(tools, context, host, { name: 'karmadactl', target: '/usr/local/bin/karmadactl' });
    if (joinsByPull(host, context.testbed)) return [await karmadactl(), registerStep(host, context)];
    if (host.role === 'master') return [noPullStep];
    if (host.role !== 'management') return [];
    const pushed = memberClusters(context.testbed).filter((cluster) => context.testbed.clusters[cluster]?.join !== 'pull');
    const artefacts = await tools.artefacts(context);
    const architecture = factsOf(host, context)?.architecture ?? 'amd64';
    const hasCrds = await artefacts.has('karmada-crds', architecture).catch(() => false);
    const crds: Step[] = hasCrds
      ? [await installStep(tools, context, host, { name: 'karmada-crds', target: crdsArchive, mode: '0644' })]
      : [];
    return [
      await karmadactl(),
      ...crds,
      addressStep(host, context),
      initStep(host, context, hasCrds ? crdsArchive : null),
      ...(await Promise.all(pushed.map((cluster) => joinStep(cluster, context)))),
    ];
  },
  after: async (context) => {
    const host = managementHost(context.testbed);
    const read = script(`[ ! -e ${karmadaKubeconfig} ] || cat ${karmadaKubeconfig}`);
    const kubeconfig = await context.execute(host.name, read, { phase, step: 'kubeconfig' });
    // A Karmada that could not be made has said so itself.
    if (kubeconfig.trim() !== '') await writePrivate(kubeconfigFile(context.stateFolder, 'karmada'), kubeconfig);
  },
});
