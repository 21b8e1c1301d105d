import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { makeAuthority, makeCertificate } from '../../../provisioning/phases/bus/certificates.ts';
import { kubeconfigFor } from '../../../provisioning/twin/api/access.ts';
import type { MemberClient } from '../../../provisioning/twin/karmada/member-client.ts';
import { awaitReady, clientFrom } from '../support/kubeconfig.ts';
import { doubleVersion, type ServerConfig } from '../support/server-config.ts';
import { installService } from '../support/systemd.ts';
import { clusterSchema, documentText, initSchema, readDocument } from './configuration.ts';
import { awaitNode, startKubelet } from './kubelet.ts';
import { storeClusterConfiguration } from './versions.ts';

const pki = '/etc/kubernetes/pki';
const tokenLifeMs = 24 * 3_600_000;

/** `kubeadm init --config FILE`: authority, certificates, kubeconfigs, API server, bootstrap token, kubelet. */
export async function init(file: string, say: (text: string) => void): Promise<void> {
  const node = readDocument(file, 'InitConfiguration', initSchema);
  const cluster = readDocument(file, 'ClusterConfiguration', clusterSchema);
  const { advertiseAddress, bindPort } = node.localAPIEndpoint;
  say(`[init] Using Kubernetes version: ${cluster.kubernetesVersion} (kubeadm double ${doubleVersion})`);
  say('[preflight] Running pre-flight checks');
  await portFree(bindPort);
  for (const path of ['/etc/kubernetes/admin.conf', `${pki}/ca.key`]) {
    if (existsSync(path))
      throw new Error(
        `[preflight] Some fatal errors occurred:\n\t[ERROR FileAvailable--${path.replaceAll('/', '-')}]: ${path} already exists`,
      );
  }

  const now = Date.now();
  const authority = await makeAuthority(cluster.clusterName, now);
  const names = [...cluster.apiServer.certSANs, advertiseAddress, 'kubernetes', 'kubernetes.default.svc'];
  const server = await makeCertificate(authority, 'kube-apiserver', names, now);
  mkdirSync(pki, { recursive: true, mode: 0o755 });
  const put = (path: string, content: string, mode: number) => writeFileSync(path, content, { mode });
  put(`${pki}/ca.crt`, authority.certificate, 0o644);
  put(`${pki}/ca.key`, authority.key, 0o600);
  put(`${pki}/apiserver.crt`, server.certificate, 0o644);
  put(`${pki}/apiserver.key`, server.key, 0o600);
  say('[certs] Generating "ca" certificate and key');

  const api = { name: cluster.clusterName, url: `https://${cluster.controlPlaneEndpoint}`, tls: { ca: authority.certificate } };
  for (const [name, user] of [
    ['admin', 'kubernetes-admin'],
    ['kubelet', `system:node:${node.nodeRegistration.name}`],
  ]) {
    const { certificate, key } = await makeCertificate(authority, user ?? '', [], now);
    put(`/etc/kubernetes/${name}.conf`, kubeconfigFor(api, { clientCert: { cert: certificate, key } }), 0o600);
  }
  say('[kubeconfig] Writing "admin.conf" kubeconfig file');

  const config: ServerConfig = {
    mode: 'cluster',
    name: cluster.clusterName,
    port: bindPort,
    version: doubleVersion,
    podCidr: cluster.networking.podSubnet,
    serviceCidr: cluster.networking.serviceSubnet,
    caFile: `${pki}/ca.crt`,
    caKeyFile: `${pki}/ca.key`,
    certFile: `${pki}/apiserver.crt`,
    keyFile: `${pki}/apiserver.key`,
    persistFile: '/var/lib/etcd/kube-apiserver-double.json',
  };
  mkdirSync('/var/lib/etcd', { recursive: true, mode: 0o700 });
  mkdirSync('/etc/kubernetes/manifests', { recursive: true });
  put('/etc/kubernetes/kube-apiserver-double.json', JSON.stringify(config, null, 2), 0o600);
  installService(
    'kube-apiserver-double',
    'Double of the Kubernetes control plane',
    '/usr/local/bin/kube-apiserver /etc/kubernetes/kube-apiserver-double.json',
  );
  const client = clientFrom('/etc/kubernetes/admin.conf');
  try {
    await awaitReady(client, 60);
    say('[apiclient] All control plane components are healthy');
    for (const { token } of node.bootstrapTokens) await storeToken(client, token);
    await storeClusterConfiguration(client, documentText(file, 'ClusterConfiguration') ?? '');
    await publishClusterInfo(client, kubeconfigFor(api, { token: '' }));
  } finally {
    client.close();
  }
  // Without taints of its own, a control plane takes no ordinary pods.
  const taints = node.nodeRegistration.taints ?? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }];
  startKubelet({
    registration: node.nodeRegistration,
    taints,
    labels: ['node-role.kubernetes.io/control-plane='],
    configuration: documentText(file, 'KubeletConfiguration'),
  });
  await awaitNode(node.nodeRegistration.name);
  say('Your Kubernetes control-plane has initialized successfully!');
}

function portFree(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', () =>
      reject(new Error(`[preflight] Some fatal errors occurred:\n\t[ERROR Port-${port}]: Port ${port} is in use`)),
    );
    probe.listen(port, '0.0.0.0', () => probe.close(() => resolve()));
  });
}

/** A bootstrap token, as Kubernetes keeps it: a Secret in kube-system. */
export async function storeToken(client: MemberClient, token: string): Promise<void> {
  const [id = '', secret = ''] = token.split('.');
  const encode = (value: string) => Buffer.from(value).toString('base64');
  await client.create('/api/v1/namespaces/kube-system/secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: {
      'token-id': encode(id),
      'token-secret': encode(secret),
      expiration: encode(new Date(Date.now() + tokenLifeMs).toISOString()),
      'usage-bootstrap-authentication': encode('true'),
      'usage-bootstrap-signing': encode('true'),
    },
  });
}

/** What a joining node may read before it trusts anybody: where the API is, and its authority (checked against the pinned hash). */
const publishClusterInfo = (client: MemberClient, kubeconfig: string): Promise<unknown> =>
  client.create('/api/v1/namespaces/kube-public/configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cluster-info', namespace: 'kube-public' },
    data: { kubeconfig },
  });
