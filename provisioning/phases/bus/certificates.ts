// The decorators of the library's dependencies need it to be there first.
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

export interface KeyPair {
  /** PEM. */
  certificate: string;
  /** PEM, PKCS #8. A secret. */
  key: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const day = 24 * 3600 * 1000;
const authorityDays = 3650;
/** What TLS clients commonly still accept. */
export const certificateDays = 825;
/** Hosts' clocks may be a little behind ours. */
const backdatedMs = 3600 * 1000;

const serial = (): string => `01${randomBytes(15).toString('hex')}`;
const makeKeys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
const keyText = async (key: webcrypto.CryptoKey): Promise<string> =>
  x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
const validity = (now: number, days: number) => ({
  notBefore: new Date(now - backdatedMs),
  notAfter: new Date(now + days * day),
});

/** Authority of one testbed's bus; its key never leaves this computer. */
export async function makeAuthority(testbed: string, now: number): Promise<KeyPair> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial(),
      name: [{ CN: [`MLSysOps bus of ${testbed}`] }],
      ...validity(now, authorityDays),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto,
  );
  return { certificate: certificate.toString('pem'), key: await keyText(keys.privateKey) };
}

/** A certificate for client and server use, signed by the authority. `names` are host names and addresses that it is valid for. */
export async function makeCertificate(
  authority: KeyPair,
  commonName: string,
  names: readonly string[],
  now: number,
): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'der' }),
    algorithm,
    false,
    ['sign'],
  );
  const keys = await makeKeys();
  const alternatives = names.map((name): x509.JsonGeneralName => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }));
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial(),
      subject: [{ CN: [commonName] }],
      issuer: issuer.subject,
      ...validity(now, certificateDays),
      signingAlgorithm: algorithm,
      signingKey,
      publicKey: keys.publicKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth]),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
        ...(alternatives.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternatives)]),
      ],
    },
    webcrypto,
  );
  return { certificate: certificate.toString('pem'), key: await keyText(keys.privateKey) };
}
