import { stringify } from 'yaml';
import { makeAuthority, makeCertificate } from '../../phases/bus/certificates.ts';
import type { ApiTls } from './server.ts';

/** A new authority with a server certificate for `names` (addresses and host names), and a maker of client certificates. */
export async function makeTls(
  cluster: string,
  names: readonly string[],
  now: number,
): Promise<ApiTls & { client(user: string): Promise<{ cert: string; key: string }> }> {
  const authority = await makeAuthority(cluster, now);
  const server = await makeCertificate(authority, 'kube-apiserver', names, now);
  return {
    ca: authority.certificate,
    cert: server.certificate,
    key: server.key,
    async client(user) {
      const { certificate, key } = await makeCertificate(authority, user, [], now);
      return { cert: certificate, key };
    },
  };
}

const base64 = (value: string): string => Buffer.from(value, 'utf8').toString('base64');

/** Kubeconfig (YAML) for an API, by token or by client certificate. */
export function kubeconfigFor(
  api: { name: string; url: string; tls: { ca: string } },
  access: { token: string } | { clientCert: { cert: string; key: string } },
): string {
  const user =
    'token' in access
      ? { token: access.token }
      : { 'client-certificate-data': base64(access.clientCert.cert), 'client-key-data': base64(access.clientCert.key) };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: api.name, cluster: { server: api.url, 'certificate-authority-data': base64(api.tls.ca) } }],
    users: [{ name: 'admin', user }],
    contexts: [{ name: api.name, context: { cluster: api.name, user: 'admin' } }],
    'current-context': api.name,
  });
}
