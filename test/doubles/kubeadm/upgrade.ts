import { readFileSync, writeFileSync } from 'node:fs';
import { awaitReady, clientFrom } from '../support/kubeconfig.ts';
import { doubleVersion, serverConfigSchema } from '../support/server-config.ts';
import { systemctl } from '../support/systemd.ts';
import { renewCertificates } from './certs.ts';
import { checkUpgrade, clusterVersion, minorOf, setClusterVersion } from './versions.ts';

const serverConfigFile = '/etc/kubernetes/kube-apiserver-double.json';

/** `kubeadm upgrade plan|apply|node`: what of it shows on a host whose control plane is the double of kube-apiserver. */
export async function upgrade(verb: string | undefined, target: string | undefined, say: (text: string) => void): Promise<void> {
  if (verb === 'node') return upgradeNode(say);
  if ((verb !== 'plan' && verb !== 'apply') || target === undefined) throw new Error('missing one or more required arguments');
  const client = clientFrom('/etc/kubernetes/admin.conf');
  try {
    await awaitReady(client, 10);
    await checkUpgrade(client, target);
    say(`[upgrade/versions] Cluster version: ${await clusterVersion(client)}`);
    say(`[upgrade/versions] kubeadm version: ${doubleVersion}`);
    if (verb === 'plan') return;
    await renewCertificates(say);
    const config = serverConfigSchema.parse(JSON.parse(readFileSync(serverConfigFile, 'utf8')));
    writeFileSync(serverConfigFile, JSON.stringify({ ...config, version: doubleVersion }, null, 2), { mode: 0o600 });
    systemctl('restart', 'kube-apiserver-double');
  } finally {
    client.close();
  }
  const renewed = clientFrom('/etc/kubernetes/admin.conf');
  try {
    await awaitReady(renewed, 60);
    await setClusterVersion(renewed, target);
  } finally {
    renewed.close();
  }
  say(`[upgrade] SUCCESS! A control plane node of your cluster was upgraded to "${target}".`);
}

async function upgradeNode(say: (text: string) => void): Promise<void> {
  const client = clientFrom('/etc/kubernetes/kubelet.conf');
  try {
    const cluster = await clusterVersion(client);
    if (minorOf(cluster) !== minorOf(doubleVersion))
      throw new Error(`this kubeadm (${doubleVersion}) does not fit the cluster's ${cluster}: upgrade its control plane first`);
  } finally {
    client.close();
  }
  say('[upgrade] The configuration for this node was successfully upgraded!');
}
