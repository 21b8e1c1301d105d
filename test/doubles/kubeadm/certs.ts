import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { makeCertificate } from '../../../provisioning/phases/bus/certificates.ts';
import { kubeconfigFor } from '../../../provisioning/twin/api/access.ts';
import { accessFrom } from '../support/kubeconfig.ts';

const pki = '/etc/kubernetes/pki';
const read = (path: string): string => readFileSync(path, 'utf8');
const authority = () => ({ certificate: read(`${pki}/ca.crt`), key: read(`${pki}/ca.key`) });

/** `kubeadm certs renew all`: new certificates by the same authority. What runs goes on with the former ones until it is started anew. */
export async function renewCertificates(say: (text: string) => void): Promise<void> {
  const former = new X509Certificate(read(`${pki}/apiserver.crt`));
  const names = (former.subjectAltName ?? '').split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
  const server = await makeCertificate(authority(), 'kube-apiserver', names, Date.now());
  writeFileSync(`${pki}/apiserver.crt`, server.certificate, { mode: 0o644 });
  writeFileSync(`${pki}/apiserver.key`, server.key, { mode: 0o600 });
  say('certificate for serving the Kubernetes API renewed');
  const file = '/etc/kubernetes/admin.conf';
  const { certificate, key } = await makeCertificate(authority(), 'kubernetes-admin', [], Date.now());
  const kubeconfig = z
    .looseObject({ users: z.array(z.looseObject({ user: z.looseObject({}) })).min(1) })
    .parse(parse(read(file)));
  const [first] = kubeconfig.users;
  if (first === undefined) throw new Error(`${file} has no user`);
  const encode = (text: string) => Buffer.from(text).toString('base64');
  first.user = { ...first.user, 'client-certificate-data': encode(certificate), 'client-key-data': encode(key) };
  writeFileSync(file, stringify(kubeconfig), { mode: 0o600 });
  say('certificate embedded in the kubeconfig file for the admin to use and for kubeadm itself renewed');
  say(
    'Done renewing certificates. You must restart the kube-apiserver, kube-controller-manager, kube-scheduler and etcd, so that they can use the new certificates.',
  );
}

/** `kubeadm kubeconfig user`: a kubeconfig with a new client certificate, on stdout. */
export async function userKubeconfig(name: string): Promise<string> {
  const { url, ca } = accessFrom('/etc/kubernetes/admin.conf');
  const { certificate, key } = await makeCertificate(authority(), name, [], Date.now());
  return kubeconfigFor({ name: 'kubernetes', url, tls: { ca } }, { clientCert: { cert: certificate, key } });
}
