import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { script } from '../phases/support/shell.ts';
import type { Host } from '../testbed/schema.ts';

/** One certificate on a host, as far as its dates go. */
export const certificateValueSchema = z.object({
  host: z.string(),
  /** File that holds it. */
  path: z.string(),
  /** "CN=kube-apiserver", the most telling line of its subject. */
  subject: z.string(),
  /** ms since the epoch */
  expiresAt: z.number(),
  /** Of an authority: renewing what it has signed does not renew it. */
  authority: z.boolean(),
});
export type CertificateValue = z.infer<typeof certificateValueSchema>;

/** What people should hear of a month before. */
export const warnDays = 30;
const dayMs = 24 * 3600 * 1000;

const mark = '=== certificate of ';

/** Prints every certificate below, after a line with its path. Keys that lie in the same files stay where they are. */
const readScript = script(
  'files=$(find /etc/kubernetes/pki /etc/karmada/pki /etc/mlsysops/bus -name "*.crt" 2>/dev/null || :; ls /var/lib/kubelet/pki/kubelet-client-current.pem /var/lib/kubelet/pki/kubelet.crt 2>/dev/null || :)',
  'for file in $files; do',
  `  echo "${mark}$file"; sed -n '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/p' "$file"`,
  'done',
  'for file in /etc/kubernetes/*.conf /etc/karmada/*.config; do',
  '  [ -e "$file" ] || continue',
  `  sed -n 's/^ *client-certificate-data: *//p' "$file" | while read -r data; do echo "${mark}$file"; printf '%s' "$data" | base64 -d; echo; done`,
  'done',
);

/**
 * Certificates of Kubernetes, Karmada and the bus on hosts, with the dates on which they end; those that end first come first. Hosts that have
 * none yet give none.
 * @throws what `execute` throws, e.g. a Failure (unreachable)
 */
export async function readCertificates(
  hosts: readonly Host[],
  execute: (host: string, script: string) => Promise<string>,
): Promise<CertificateValue[]> {
  const found = await Promise.all(hosts.map(async ({ name }) => parseCertificates(name, await execute(name, readScript))));
  return found.flat().sort((a, b) => a.expiresAt - b.expiresAt);
}

/** What a host printed; something that is no certificate is left out: a file may be half-written. */
export function parseCertificates(host: string, text: string): CertificateValue[] {
  return text
    .split(mark)
    .slice(1)
    .flatMap((section) => {
      const end = section.indexOf('\n');
      const path = section.slice(0, end).trim();
      // A file may hold a chain: its first is the one it is about.
      const pem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(section.slice(end))?.[0];
      if (pem === undefined) return [];
      try {
        const certificate = new X509Certificate(pem);
        const subject = certificate.subject.split('\n').find((line) => line.startsWith('CN=')) ?? certificate.subject;
        return [{ host, path, subject, expiresAt: Date.parse(certificate.validTo), authority: certificate.ca }];
      } catch {
        // Not a certificate after all: there is no date to tell.
        return [];
      }
    });
}

/** Sentences for those that end within 30 days or have ended, with what helps; none when all is well. `now` in ms since the epoch. */
export function certificateWarnings(
  certificates: readonly CertificateValue[],
  now: number,
): { host: string; text: string; remedy: string; authority: boolean }[] {
  return certificates
    .filter(({ expiresAt }) => expiresAt < now + warnDays * dayMs)
    .map(({ host, path, subject, expiresAt, authority }) => {
      const days = Math.floor((expiresAt - now) / dayMs);
      const when = days < 0 ? `ended ${-days} days ago` : `ends in ${days} days`;
      return {
        host,
        authority,
        text: `the certificate ${subject.replace(/^CN=/, '')} of ${host} ${when} (${path})`,
        remedy: authority
          ? 'It is an authority: take down the testbed and set it up again before that day'
          : 'Run "testbed rotate-certificates"',
      };
    });
}
