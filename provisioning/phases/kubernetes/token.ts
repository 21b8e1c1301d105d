import { createHash, randomInt, X509Certificate } from 'node:crypto';
import path from 'node:path';
import { readOrMake } from '../support/state.ts';

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
const word = (length: number): string => Array.from({ length }, () => letters[randomInt(letters.length)]).join('');

/** Bootstrap token of a cluster, "abcdef.0123456789abcdef": made on this computer and kept there. */
export const bootstrapToken = (stateFolder: string, cluster: string): Promise<string> =>
  readOrMake(path.join(stateFolder, `bootstrap-token-${cluster}`), () => `${word(6)}.${word(16)}`);

/** What kubeadm pins a CA by: the digest of its public key (RFC 7469), "sha256:<hex>". */
export function caCertHash(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}
