import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { parse } from 'yaml';
import { z } from 'zod';
import { kubeconfigFor } from '../../../provisioning/twin/api/access.ts';
import { at, text } from '../../../provisioning/twin/api/objects.ts';
import { MemberClient, MemberError } from '../../../provisioning/twin/karmada/member-client.ts';
import { documentText, joinSchema, readDocument } from './configuration.ts';
import { startKubelet } from './kubelet.ts';
import { makeRequest } from './signer.ts';

/** `kubeadm join --config FILE`: finds the cluster, proves that it is the right one, gets a certificate, starts kubelet. */
export async function join(file: string, say: (text: string) => void): Promise<void> {
  const { discovery, nodeRegistration } = readDocument(file, 'JoinConfiguration', joinSchema);
  const { apiServerEndpoint, token, caCertHashes } = discovery.bootstrapToken;
  const path = '/etc/kubernetes/kubelet.conf';
  if (existsSync(path))
    throw new Error(
      `[preflight] Some fatal errors occurred:\n\t[ERROR FileAvailable--etc-kubernetes-kubelet.conf]: ${path} already exists`,
    );
  say('[preflight] Reading configuration from the cluster...');
  const ca = await discover(apiServerEndpoint);
  const hash = `sha256:${createHash('sha256')
    .update(new X509Certificate(ca).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')}`;
  if (!caCertHashes.includes(hash)) {
    throw new Error(
      `error execution phase preflight: couldn't validate the identity of the API Server: cluster CA found in cluster-info ConfigMap is invalid: none of the public keys "${hash}" are pinned`,
    );
  }

  const client = new MemberClient({ url: `https://${apiServerEndpoint}`, ca, token });
  try {
    const node = await client.get(`/api/v1/nodes/${nodeRegistration.name}`);
    if (
      conditionsSchema.safeParse(node).data?.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
    )
      throw new Error(
        `error execution phase kubelet-start: a Node with name "${nodeRegistration.name}" and status "Ready" already exists in the cluster. You must delete the existing Node or change the name of this new joining Node`,
      );
    const { key, request: csr } = await makeRequest(nodeRegistration.name);
    const name = `node-csr-${nodeRegistration.name}-${Date.now().toString(36)}`;
    await client.create('/apis/certificates.k8s.io/v1/certificatesigningrequests', {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec: {
        request: Buffer.from(csr).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: ['client auth'],
      },
    });
    const cert = await awaitCertificate(client, name);
    mkdirSync('/etc/kubernetes/pki', { recursive: true });
    mkdirSync('/etc/kubernetes/manifests', { recursive: true });
    writeFileSync('/etc/kubernetes/pki/ca.crt', ca, { mode: 0o644 });
    const api = { name: 'kubernetes', url: `https://${apiServerEndpoint}`, tls: { ca } };
    writeFileSync(path, kubeconfigFor(api, { clientCert: { cert, key } }), { mode: 0o600 });
  } catch (error) {
    if (error instanceof MemberError && error.code === 401) {
      throw new Error(
        `error execution phase preflight: couldn't validate the identity of the API Server: could not find a JWS signature in the cluster-info ConfigMap for token ID "${token.split('.')[0]}"`,
      );
    }
    throw error;
  } finally {
    client.close();
  }
  startKubelet({
    registration: nodeRegistration,
    taints: nodeRegistration.taints ?? [],
    labels: [],
    configuration: documentText(file, 'KubeletConfiguration'),
  });
  // kubeadm does not wait for the Node that kubelet registers: when it says so, there may be none yet.
  say('This node has joined the cluster');
}

const conditionsSchema = z.object({
  status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })) }),
});

/** The authority as cluster-info tells it: nothing is trusted yet, so this one request is made without checking; its hash is checked after. */
function discover(endpoint: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) =>
      reject(
        new Error(
          `error execution phase preflight: couldn't validate the identity of the API Server: failed to request the cluster-info ConfigMap: ${error.message}`,
        ),
      );
    const outgoing = request(
      `https://${endpoint}/api/v1/namespaces/kube-public/configmaps/cluster-info`,
      { rejectUnauthorized: false, timeout: 10_000 },
      (response) => {
        let source = '';
        response.on('data', (chunk: Buffer) => {
          source += chunk.toString('utf8');
        });
        response.on('end', () => {
          try {
            const info = z.object({ data: z.object({ kubeconfig: z.string() }) }).parse(JSON.parse(source));
            const encoded = text(at(parse(info.data.kubeconfig), 'clusters', 0, 'cluster', 'certificate-authority-data'));
            if (encoded === undefined) throw new Error('it holds no authority');
            resolve(Buffer.from(encoded, 'base64').toString('utf8'));
          } catch (error) {
            failed(error instanceof Error ? error : new Error(String(error)));
          }
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('Client.Timeout exceeded')));
    outgoing.on('error', failed);
    outgoing.end();
  });
}

async function awaitCertificate(client: MemberClient, name: string): Promise<string> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const found = text(
      at(await client.get(`/apis/certificates.k8s.io/v1/certificatesigningrequests/${name}`), 'status', 'certificate'),
    );
    if (found !== undefined) return Buffer.from(found, 'base64').toString('utf8');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`[kubelet-start] timed out waiting for the certificate request ${name} to be signed`);
}
