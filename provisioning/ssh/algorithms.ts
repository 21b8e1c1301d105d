import { getCiphers } from 'node:crypto';
import type { Algorithms, CipherAlgorithm, ServerHostKeyAlgorithm } from 'ssh2';

/** AES-GCM first: measured fastest wherever there is AES in hardware. The second name is OpenSSL's. */
const ciphers: [CipherAlgorithm, string][] = [
  ['aes128-gcm@openssh.com', 'aes-128-gcm'],
  ['aes256-gcm@openssh.com', 'aes-256-gcm'],
  ['aes128-ctr', 'aes-128-ctr'],
  ['aes192-ctr', 'aes-192-ctr'],
  ['aes256-ctr', 'aes-256-ctr'],
];

const hostKeyAlgorithms: ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/**
 * What is offered to a host. Electron's crypto lacks some ciphers, and offering one of them would fail in the middle of the handshake.
 * Algorithms of keys by which the host is known come first, or it might show another of its keys, which we could not tell from a changed one.
 */
export function algorithmsFor(knownTypes: readonly string[], available: readonly string[] = getCiphers()): Algorithms {
  const typeOf = (algorithm: string): string => (algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm);
  const known = hostKeyAlgorithms.filter((algorithm) => knownTypes.includes(typeOf(algorithm)));
  return {
    cipher: ciphers.filter(([, name]) => available.includes(name)).map(([cipher]) => cipher),
    serverHostKey: [...known, ...hostKeyAlgorithms.filter((algorithm) => !known.includes(algorithm))],
  };
}
