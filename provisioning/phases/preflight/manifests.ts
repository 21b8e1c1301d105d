import { Failure } from '../../run/failure.ts';
import { cidrsOverlap } from '../../testbed/cidr.ts';
import type { Testbed } from '../../testbed/schema.ts';
import { manifestOf, readNetworkManifest } from '../network/manifest.ts';
import { isControlPlane } from '../support/hosts.ts';
import { type Check, error, type Finding, ok, tolerated } from './check.ts';

/** Whether the manifests of pod networks can be read and fit their clusters; told of each cluster's control plane. And which of them are VXLAN on UDP 8472. */
export async function checkManifests(testbed: Testbed): Promise<{ checks: Check[]; overlays: string[] }> {
  const found = await Promise.all(
    Object.keys(testbed.clusters).map(async (cluster) => {
      const file = manifestOf(cluster, testbed);
      return file === null ? null : { cluster, ...(await look(testbed, cluster, file)) };
    }),
  );
  const clusters = found.filter((one) => one !== null);
  const checks = clusters.flatMap(({ cluster, finding }) =>
    testbed.hosts
      .filter((host) => host.cluster === cluster && isControlPlane(host))
      .map((host) => tolerated({ ...finding, host: host.name }, testbed)),
  );
  return { checks, overlays: clusters.filter(({ vxlan }) => vxlan).map(({ cluster }) => cluster) };
}

async function look(testbed: Testbed, cluster: string, file: string): Promise<{ finding: Finding; vxlan: boolean }> {
  try {
    const { flannel } = await readNetworkManifest(file);
    const podCidr = testbed.clusters[cluster]?.podCidr;
    const vxlan = flannel?.vxlan === true;
    if (flannel === null || podCidr === undefined || flannel.network === podCidr)
      return { finding: ok('network-manifest', file), vxlan };
    const where = cidrsOverlap(flannel.network, podCidr) ? 'is not the same as' : 'has nothing of';
    return {
      finding: error(
        'network-manifest',
        `the network that flannel is told in ${file}, ${flannel.network}, ${where} the podCidr of ${cluster}, ${podCidr}: nodes would never become Ready`,
        `Write "Network": "${podCidr}" into net-conf.json of ${file}, or set clusters.${cluster}.podCidr: ${flannel.network} in the testbed file`,
      ),
      vxlan,
    };
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    const { cause, remedy } = failure.value;
    return {
      finding: error('network-manifest', cause, remedy ?? `See clusters.${cluster}.network.manifest in the testbed file`),
      vxlan: false,
    };
  }
}
