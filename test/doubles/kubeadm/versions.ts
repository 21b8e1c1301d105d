import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { MemberClient } from '../../../provisioning/twin/karmada/member-client.ts';
import { doubleVersion } from '../support/server-config.ts';

const path = '/api/v1/namespaces/kube-system/configmaps';
const configSchema = z.object({ data: z.object({ ClusterConfiguration: z.string() }) });

export const minorOf = (version: string): number => Number(/^v?1\.(\d+)\./.exec(version)?.[1] ?? Number.NaN);

/** kubeadm keeps the cluster's configuration in the cluster: which version its control plane has is read there. */
export const storeClusterConfiguration = (client: MemberClient, text: string): Promise<unknown> =>
  client.create(path, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kubeadm-config', namespace: 'kube-system' },
    data: { ClusterConfiguration: text },
  });

export async function clusterVersion(client: MemberClient): Promise<string> {
  const { data } = configSchema.parse(await client.get(`${path}/kubeadm-config`));
  return z.object({ kubernetesVersion: z.string() }).parse(parse(data.ClusterConfiguration)).kubernetesVersion;
}

export async function setClusterVersion(client: MemberClient, version: string): Promise<void> {
  const stored = await client.get(`${path}/kubeadm-config`);
  const { data } = configSchema.parse(stored);
  const configuration = { ...(parse(data.ClusterConfiguration) as object), kubernetesVersion: version };
  await client.call('PUT', `${path}/kubeadm-config`, { ...stored, data: { ClusterConfiguration: stringify(configuration) } });
}

/** @throws Error in kubeadm's words when this kubeadm can't take the cluster there */
export async function checkUpgrade(client: MemberClient, target: string): Promise<void> {
  const current = await clusterVersion(client);
  const own = minorOf(doubleVersion);
  const problems: string[] = [];
  if (minorOf(target) > own)
    problems.push(
      `Specified version to upgrade to "${target}" is at least one minor release higher than the kubeadm minor release (${minorOf(target)} > ${own}). Such an upgrade is not supported`,
    );
  if (minorOf(target) > minorOf(current) + 1)
    problems.push(`Specified version to upgrade to "${target}" is too high; kubeadm can upgrade only 1 minor version at a time`);
  const nodes = z
    .object({ items: z.array(z.object({ status: z.object({ nodeInfo: z.object({ kubeletVersion: z.string() }) }) })) })
    .parse(await client.get('/api/v1/nodes'));
  const old = nodes.items
    .map(({ status }) => status.nodeInfo.kubeletVersion)
    .filter((kubelet) => minorOf(target) > minorOf(kubelet) + 3);
  if (old.length > 0)
    problems.push(`There are kubelets in this cluster that are too old that have these versions [${old.join(' ')}]`);
  if (problems.length === 0) return;
  throw new Error(
    `[upgrade/version] FATAL: the --version argument is invalid due to these fatal errors:\n\n${problems.map((problem) => `\t- ${problem}`).join('\n')}\nPlease fix the misalignments highlighted above and try upgrading again`,
  );
}
