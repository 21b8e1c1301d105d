import { verify } from 'node:crypto';
import ssh2 from 'ssh2';
import { Malformed, WireReader, wireString } from './wire.ts';

const suffix = '-cert-v01@openssh.com';
export const certificateAlgorithms = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
].map((type) => `${type}${suffix}`);

/** Fields of a public key after its type. */
const keyFields: Record<string, number> = {
  'ssh-ed25519': 1,
  'ssh-rsa': 2,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
};

interface Certificate {
  /** The key that it is about, as it is shown without a certificate. */
  key: Buffer;
  isHost: boolean;
  principals: string[];
  validAfter: bigint;
  validBefore: bigint;
  criticalOptions: Buffer;
  authority: Buffer;
  signature: Buffer;
  signed: Buffer;
}

/** PROTOCOL.certkeys of OpenSSH. @throws Malformed */
function parseCertificate(data: Buffer): Certificate {
  const reader = new WireReader(data);
  const type = reader.text().replace(suffix, '');
  const fields = keyFields[type];
  if (fields === undefined) throw new Malformed();
  reader.string();
  const from = reader.at;
  for (let field = 0; field < fields; field++) reader.string();
  const key = Buffer.concat([wireString(type), data.subarray(from, reader.at)]);
  reader.uint64();
  const isHost = reader.uint32() === 2;
  reader.string();
  const names = new WireReader(reader.string());
  const principals: string[] = [];
  while (!names.done) principals.push(names.text());
  const validAfter = reader.uint64();
  const validBefore = reader.uint64();
  const criticalOptions = reader.string();
  reader.string();
  reader.string();
  const authority = reader.string();
  const signed = data.subarray(0, reader.at);
  const signature = reader.string();
  if (!reader.done) throw new Malformed();
  return { key, isHost, principals, validAfter, validBefore, criticalOptions, authority, signature, signed };
}

/**
 * Whether a certificate makes this key the one of this host: why not, or null when it does. As OpenSSH has it, but a certificate for no
 * name in particular is not taken for all names, and signatures with SHA-1 are not taken.
 * @param key shown by the host in its handshake, which proved that it has the private one @param now seconds since the epoch
 */
export function certificateProblem(
  data: Buffer,
  { key, host, authorities, revoked, now }: { key: Buffer; host: string; authorities: Buffer[]; revoked: Buffer[]; now: number },
): string | null {
  let certificate: Certificate;
  try {
    certificate = parseCertificate(data);
  } catch (error) {
    if (error instanceof Malformed) return 'it is damaged';
    throw error;
  }
  const { authority, principals, validAfter, validBefore } = certificate;
  if (!certificate.key.equals(key)) return 'it is about another key than the host has';
  if (!certificate.isHost) return 'it is not one for hosts';
  if (!authorities.some((one) => one.equals(authority))) return 'its authority is not one that known_hosts names for this host';
  if (revoked.some((one) => one.equals(authority))) return 'its authority has been revoked';
  if (!principals.includes(host.toLowerCase())) return `it is for ${principals.join(', ') || 'no name'}, not for ${host}`;
  if (BigInt(Math.floor(now)) < validAfter) return 'it is not valid yet';
  if (BigInt(Math.floor(now)) >= validBefore) return 'it is not valid any more';
  if (certificate.criticalOptions.length > 0) return 'it has a condition that is not known here';
  return isSigned(certificate) ? null : 'its signature is wrong';
}

const hashes: Record<string, string | null> = {
  'ssh-ed25519': null,
  'rsa-sha2-256': 'sha256',
  'rsa-sha2-512': 'sha512',
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
};

function isSigned({ authority, signature, signed }: Certificate): boolean {
  try {
    const reader = new WireReader(signature);
    const algorithm = reader.text();
    const blob = reader.string();
    const type = new WireReader(authority).text();
    const hash = hashes[algorithm];
    if (hash === undefined || type !== (algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm)) return false;
    const parsed = ssh2.utils.parseKey(`${type} ${authority.toString('base64')}`);
    if (parsed instanceof Error) return false;
    const pem = parsed.getPublicPEM();
    if (!algorithm.startsWith('ecdsa-')) return verify(hash, signed, pem, blob);
    const size = Math.ceil(Number(algorithm.slice(-3)) / 8);
    const numbers = new WireReader(blob);
    return verify(
      hash,
      signed,
      { key: pem, dsaEncoding: 'ieee-p1363' },
      Buffer.concat([fixed(numbers.string(), size), fixed(numbers.string(), size)]),
    );
  } catch {
    // Whatever cannot be read or computed with is not signed.
    return false;
  }
}

function fixed(number: Buffer, size: number): Buffer {
  // One zero may stand before a number whose first bit is set; anything else is not written as it should be.
  const bare = number.length === size + 1 && number[0] === 0 ? number.subarray(1) : number;
  if (bare.length > size) throw new Malformed();
  return Buffer.concat([Buffer.alloc(size - bare.length), bare]);
}
