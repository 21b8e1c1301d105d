import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { at, type StoredObject, text } from '../../../provisioning/twin/api/objects.ts';
import type { ObjectStore } from '../../../provisioning/twin/api/store.ts';

const name = 'certificates.k8s.io/certificatesigningrequests';
/** Node's own WebCrypto, by the DOM's name for it: this program sees both sets of types. */
const provider = webcrypto as unknown as Crypto;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Signs the certificate requests of joining kubelets, as kube-controller-manager does for bootstrap tokens. */
export function signRequests(
  store: ObjectStore,
  authority: { certificate: string; key: string },
  failed: (text: string) => void,
): { close(): void } {
  const sign = async (object: StoredObject): Promise<void> => {
    const request = new x509.Pkcs10CertificateRequest(
      Buffer.from(text(at(object, 'spec', 'request')) ?? '', 'base64').toString('utf8'),
    );
    if (!(await request.verify(provider))) throw new Error(`${object.metadata.name}: the request is not signed by its own key`);
    if (!/^CN=system:node:/.test(request.subject))
      throw new Error(`${object.metadata.name}: only nodes get certificates, not "${request.subject}"`);
    const issuer = new x509.X509Certificate(authority.certificate);
    const key = createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'der' });
    const signingKey = await provider.subtle.importKey('pkcs8', key, algorithm, false, ['sign']);
    const certificate = await x509.X509CertificateGenerator.create(
      {
        serialNumber: `01${randomBytes(15).toString('hex')}`,
        subject: request.subject,
        issuer: issuer.subject,
        notBefore: new Date(Date.now() - 3_600_000),
        notAfter: new Date(Date.now() + 365 * 86_400_000),
        signingAlgorithm: algorithm,
        signingKey,
        publicKey: request.publicKey,
        extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])],
      },
      provider,
    );
    const encoded = Buffer.from(certificate.toString('pem')).toString('base64');
    store.patchStatus(name, undefined, object.metadata.name, {
      certificate: encoded,
      conditions: [{ type: 'Approved', status: 'True', reason: 'AutoApproved' }],
    });
  };
  const handle = (object: StoredObject) => {
    if (at(object, 'status', 'certificate') !== undefined) return;
    sign(object).catch((error: Error) => failed(error.message));
  };
  for (const object of store.list(name)) handle(object);
  return store.watch(name, ({ type, object }) => type === 'ADDED' && handle(object));
}

/** A key and a request for a node's client certificate, both PEM. */
export async function makeRequest(node: string): Promise<{ key: string; request: string }> {
  const keys = await provider.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    { name: `CN=system:node:${node}, O=system:nodes`, keys, signingAlgorithm: algorithm },
    provider,
  );
  const key = x509.PemConverter.encode(await provider.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { key, request: request.toString('pem') };
}
