import 'reflect-metadata';
import { randomInt, X509Certificate } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { z } from 'zod';
import { makeAuthority, makeCertificate } from '../../provisioning/phases/bus/certificates.ts';
import { caCertHash } from '../../provisioning/phases/kubernetes/token.ts';
import { kubeconfigFor } from '../../provisioning/twin/api/access.ts';
import { type MemberAccess, MemberClient, MemberError } from '../../provisioning/twin/karmada/member-client.ts';
import { storeToken } from './kubeadm/init.ts';
import { accessFrom, awaitReady, clientFrom, contextsOf } from './support/kubeconfig.ts';
import { karmadaDoubleVersion, type ServerConfig } from './support/server-config.ts';
import { installService } from './support/systemd.ts';

/** Stands in for karmadactl on test hosts: `init` starts the twin's mini-Karmada in place of Karmada's images; `join` and `unjoin` tell it of members. */
const args = process.argv.slice(2);
const say = (text: string) => void process.stdout.write(`${text}\n`);
const option = (name: string): string | undefined => args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
function needed(name: string): string {
  const value = option(name);
  if (value === undefined) throw new Error(`required flag "${name}" not set`);
  return value;
}

async function main(): Promise<void> {
  const [verb, member] = args;
  if (verb === 'version') return say(`karmadactl version (double): ${karmadaDoubleVersion}`);
  if (verb === 'init') return init();
  if (verb === 'join' && member) return join(member);
  if (verb === 'unjoin' && member) return unjoin(member);
  if (verb === 'token' && member === 'create') return createToken();
  if (verb === 'register' && member) return register(member);
  throw new Error(`the karmadactl double has no command "${args.join(' ')}"`);
}

const nodesSchema = z.object({
  items: z.array(z.looseObject({ spec: z.looseObject({ taints: z.array(z.unknown()).nullish() }).optional() })),
});

async function init(): Promise<void> {
  const address = needed('karmada-apiserver-advertise-address');
  const port = Number(option('port') ?? 32443);
  const folder = option('karmada-data') ?? '/etc/karmada';
  const pki = option('karmada-pki') ?? `${folder}/pki`;
  const host = clientFrom(needed('kubeconfig'));
  try {
    await awaitReady(host, 10);
    // Karmada's etcd keeps its data on a node, and takes only one without any taint.
    const nodes = nodesSchema.parse(await host.get('/api/v1/nodes')).items;
    if (nodes.every(({ spec }) => (spec?.taints ?? []).length > 0))
      throw new Error('failed to find a healthy node for karmada-etcd');
    await refuseFormerPods(host);
  } finally {
    host.close();
  }

  mkdirSync(pki, { recursive: true, mode: 0o700 });
  mkdirSync('/var/lib/karmada-etcd', { recursive: true, mode: 0o700 });
  const now = Date.now();
  const authority = await makeAuthority('karmada', now);
  const server = await makeCertificate(authority, 'karmada-apiserver', [address, '127.0.0.1', 'localhost'], now);
  const admin = await makeCertificate(authority, 'system:admin', [], now);
  const put = (path: string, content: string) => writeFileSync(path, content, { mode: 0o600 });
  put(`${pki}/ca.crt`, authority.certificate);
  put(`${pki}/ca.key`, authority.key);
  put(`${pki}/karmada.crt`, server.certificate);
  put(`${pki}/karmada.key`, server.key);
  const kubeconfig = `${folder}/karmada-apiserver.config`;
  const api = { name: 'karmada-apiserver', url: `https://${address}:${port}`, tls: { ca: authority.certificate } };
  put(kubeconfig, kubeconfigFor(api, { clientCert: { cert: admin.certificate, key: admin.key } }));
  const config: ServerConfig = {
    mode: 'karmada',
    name: 'karmada-apiserver',
    port,
    version: karmadaDoubleVersion,
    podCidr: '10.244.0.0/16',
    serviceCidr: '10.96.0.0/12',
    caFile: `${pki}/ca.crt`,
    caKeyFile: `${pki}/ca.key`,
    certFile: `${pki}/karmada.crt`,
    keyFile: `${pki}/karmada.key`,
    persistFile: '/var/lib/karmada-etcd/karmada-double.json',
  };
  put(`${folder}/karmada-double.json`, JSON.stringify(config, null, 2));
  installService(
    'karmada-double',
    "Double of Karmada's control plane",
    `/usr/local/bin/kube-apiserver ${folder}/karmada-double.json`,
  );
  const client = clientFrom(kubeconfig);
  await awaitReady(client, 60).finally(() => client.close());
  say(`Karmada is installed successfully (double ${karmadaDoubleVersion}).`);
}

/**
 * Each init makes authorities anew, but leaves the etcd of an earlier one running, which trusts the former authority alone: the new API server
 * never gets ready. A ConfigMap stands for that etcd.
 */
async function refuseFormerPods(host: MemberClient): Promise<void> {
  const configMaps = '/api/v1/namespaces/karmada-system/configmaps';
  if (await host.get(`${configMaps}/etcd-double`)) {
    process.stderr.write('statefulsets.apps "etcd" already exists\n');
    throw new Error('wait karmada-apiserver timeout: context deadline exceeded');
  }
  await host.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'karmada-system' } });
  const metadata = { name: 'etcd-double', namespace: 'karmada-system' };
  await host.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
}

async function createToken(): Promise<void> {
  const word = (length: number) => Array.from({ length }, () => randomInt(36).toString(36)).join('');
  const token = `${word(6)}.${word(16)}`;
  const karmada = clientFrom(needed('kubeconfig'));
  await storeToken(karmada, token).finally(() => karmada.close());
  say(token);
}

/**
 * `register HOST:PORT` on a member. The mini-Karmada has no agent and goes on working with the member's API; what shows on both sides is what
 * Karmada's own command leaves there. As that one, it ends with exit code 0 when it finds an agent.
 */
async function register(endpoint: string): Promise<void> {
  const name = needed('cluster-name');
  const member = clientFrom(needed('kubeconfig'));
  const access = accessFrom(needed('kubeconfig'));
  try {
    const deployments = '/apis/apps/v1/namespaces/karmada-system/deployments';
    say('[preflight] Running pre-flight checks');
    if (await member.get(`${deployments}/karmada-agent`))
      return say(
        'error execution phase preflight: [preflight] Some fatal errors occurred:\n\t[ERROR]: karmada-system/karmada-agent Deployment already exists',
      );
    const ca = await discover(endpoint, needed('discovery-token-ca-cert-hash'));
    const karmada = new MemberClient({ url: `https://${endpoint}`, ca, token: needed('token') });
    try {
      if (await karmada.get(`${clusterPath}/${name}`))
        throw new Error(`failed to register as cluster with name ${name} already exists`);
      await addMember(karmada, name, access, 'Pull');
    } finally {
      karmada.close();
    }
    await member
      .create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'karmada-system' } })
      .catch((error: unknown) => {
        if (!(error instanceof MemberError && error.code === 409)) throw error;
      });
    const labels = { app: 'karmada-agent' };
    const containers = [
      { name: 'karmada-agent', image: 'docker.io/karmada/karmada-agent:double', command: ['/bin/sleep', 'infinity'] },
    ];
    await member.create(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'karmada-agent', namespace: 'karmada-system' },
      spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
    });
  } finally {
    member.close();
  }
  say(`cluster(${name}) is joined successfully`);
}

/** The authority that an API shows, once its key is the pinned one. */
function discover(endpoint: string, pinned: string): Promise<string> {
  const [host = '', port = ''] = endpoint.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
      let certificate = socket.getPeerCertificate(true);
      while (certificate.issuerCertificate && certificate.issuerCertificate !== certificate)
        certificate = certificate.issuerCertificate;
      socket.destroy();
      const pem = new X509Certificate(certificate.raw).toString();
      if (caCertHash(pem) === pinned) resolve(pem);
      else reject(new Error(`the authority at ${endpoint} is ${caCertHash(pem)}, not ${pinned}`));
    });
    socket.once('error', reject);
  });
}

const secretPath = '/api/v1/namespaces/karmada-cluster/secrets';
const clusterPath = '/apis/cluster.karmada.io/v1alpha1/clusters';

async function join(name: string): Promise<void> {
  const member = accessFrom(needed('cluster-kubeconfig'));
  const reached = clientFrom(needed('cluster-kubeconfig'));
  await awaitReady(reached, 10).finally(() => reached.close());
  const karmada = clientFrom(needed('kubeconfig'));
  try {
    if (await karmada.get(`${clusterPath}/${name}`)) throw new Error(`cluster(${name}) already exists`);
    await addMember(karmada, name, member, 'Push');
  } finally {
    karmada.close();
  }
  say(`cluster(${name}) is joined successfully`);
}

async function addMember(karmada: MemberClient, name: string, member: MemberAccess, syncMode: 'Push' | 'Pull'): Promise<void> {
  const stringData = {
    caBundle: member.ca,
    ...(member.token ? { token: member.token } : {}),
    ...(member.cert && member.key ? { clientCertificate: member.cert, clientKey: member.key } : {}),
  };
  await karmada.create(secretPath, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'karmada-cluster' },
    stringData,
  });
  const spec = { apiEndpoint: member.url, syncMode, secretRef: { namespace: 'karmada-cluster', name } };
  await karmada.create(clusterPath, { apiVersion: 'cluster.karmada.io/v1alpha1', kind: 'Cluster', metadata: { name }, spec });
}

async function unjoin(name: string): Promise<void> {
  const context = option('cluster-context');
  // Its default is the member's name, which is never what kubeadm calls a context.
  if (context === undefined || !contextsOf(needed('cluster-kubeconfig')).includes(context))
    throw new Error(`context "${context ?? name}" does not exist`);
  const karmada = clientFrom(needed('kubeconfig'));
  try {
    if (!(await karmada.get(`${clusterPath}/${name}`)))
      throw new Error(`no cluster object ${name} found in karmada control Plane`);
    for (const path of [`${clusterPath}/${name}`, `${secretPath}/${name}`]) await karmada.remove(path);
  } finally {
    karmada.close();
  }
  say(`cluster(${name}) is unjoined`);
}

main().catch((error: unknown) => {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
