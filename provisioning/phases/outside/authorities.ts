import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { sha256Of } from '../../artefacts/digest.ts';
import { Failure } from '../../run/failure.ts';
import type { PlacedFile } from '../support/files.ts';

/** Where Debian and Ubuntu look for authorities that their administrator adds. */
export const authoritiesFolder = '/usr/local/share/ca-certificates';
export const authorityPrefix = `${authoritiesFolder}/mlsysops-`;

/**
 * The certificate authorities of the testbed file, each a file of its own as update-ca-certificates wants it. `now` is ms since the epoch.
 * @throws Failure (invalid-file) naming the file that cannot be read, holds no certificate, one that is no authority, or one that is over
 */
export async function authorityFiles(names: readonly string[], now: number): Promise<PlacedFile[]> {
  const all = await Promise.all(names.map((name) => certificatesOf(name, now)));
  const files = all
    .flat()
    .map((content) => ({ path: `${authorityPrefix}${sha256Of(content).slice(0, 16)}.crt`, mode: '0644', content }));
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

async function certificatesOf(name: string, now: number): Promise<string[]> {
  const refuse = (cause: string, remedy: string, error?: unknown) =>
    new Failure({ code: 'invalid-file', cause: `${name} of certificateAuthorities ${cause}`, remedy }, { cause: error });
  const file = name.startsWith('~/') ? path.join(homedir(), name.slice(2)) : name;
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw refuse(`cannot be read (${error.code ?? error.message})`, 'Correct its path in the testbed file', error);
  });
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0)
    throw refuse('holds no certificate', 'It must be PEM: lines between BEGIN CERTIFICATE and END CERTIFICATE');
  return blocks.map((block) => {
    const certificate = parse(block);
    if (certificate === null)
      throw refuse('holds a certificate that cannot be read', 'Get it anew from whoever runs the authority');
    const who = certificate.subject.split('\n').at(-1);
    if (!certificate.ca)
      throw refuse(`holds ${who}, which is not an authority`, "Give the authority's certificate, not the server's");
    if (Date.parse(certificate.validTo) < now)
      throw refuse(
        `holds ${who}, which was valid until ${certificate.validTo}`,
        'Get its successor from whoever runs the authority',
      );
    // As it is written again: whatever stood around it in the file does not travel.
    return certificate.toString();
  });
}

function parse(block: string): X509Certificate | null {
  try {
    return new X509Certificate(block);
  } catch {
    return null;
  }
}
