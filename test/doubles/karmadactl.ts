import 'reflect-metadata';
import { mkdirSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { makeAuthority, makeCertificate } from '../../provisioning/phases/bus/certificates.ts';
import { kubeconfigFor } from '../../provisioning/twin/api/access.ts';
import { MemberError } from '../../provisioning/twin/karmada/member-client.ts';
import { accessFrom, awaitReady, clientFrom } from './support/kubeconfig.ts';
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

const secretPath = '/api/v1/namespaces/karmada-cluster/secrets';
const clusterPath = '/apis/cluster.karmada.io/v1alpha1/clusters';

async function join(name: string): Promise<void> {
  const member = accessFrom(needed('cluster-kubeconfig'));
  const reached = clientFrom(needed('cluster-kubeconfig'));
  await awaitReady(reached, 10).finally(() => reached.close());
  const karmada = clientFrom(needed('kubeconfig'));
  try {
    if (await karmada.get(`${clusterPath}/${name}`)) throw new Error(`cluster(${name}) already exists`);
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
    const spec = { apiEndpoint: member.url, syncMode: 'Push', secretRef: { namespace: 'karmada-cluster', name } };
    await karmada.create(clusterPath, { apiVersion: 'cluster.karmada.io/v1alpha1', kind: 'Cluster', metadata: { name }, spec });
  } finally {
    karmada.close();
  }
  say(`cluster(${name}) is joined successfully`);
}

async function unjoin(name: string): Promise<void> {
  const karmada = clientFrom(needed('kubeconfig'));
  try {
    for (const path of [`${clusterPath}/${name}`, `${secretPath}/${name}`]) {
      try {
        await karmada.remove(path);
      } catch (error) {
        // What is not there any more needs no unjoining.
        if (!(error instanceof MemberError && error.code === 404)) throw error;
      }
    }
  } finally {
    karmada.close();
  }
  say(`cluster(${name}) is unjoined`);
}

main().catch((error: unknown) => {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
