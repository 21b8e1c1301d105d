import { randomBytes, X509Certificate } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { readOrMake, writePrivate } from '../support/state.ts';
import { type KeyPair, makeAuthority, makeCertificate } from './certificates.ts';

/** Keys of one testbed's bus, kept in its state folder on this computer (0700, files 0600). */
export interface BusKeys {
  authorityCertificate(): Promise<string>;
  /** Certificate of a server or a client; made anew when it is near its end or its names have changed. */
  certificate(id: string, names?: readonly string[]): Promise<KeyPair>;
  /** 32 random letters, digits, "-" and "_": safe in a URL and in a configuration file. */
  password(id: string): Promise<string>;
}

const renewDays = 30;
const pairSchema = z.object({ certificate: z.string(), key: z.string() });

export const busKeysFolder = (stateFolder: string): string => path.join(stateFolder, 'bus');

export function busKeys(stateFolder: string, testbed: string, now: () => number): BusKeys {
  const folder = busKeysFolder(stateFolder);
  const authority = async (): Promise<KeyPair> =>
    pairSchema.parse(
      JSON.parse(
        await readOrMake(path.join(folder, 'authority.json'), async () => JSON.stringify(await makeAuthority(testbed, now()))),
      ),
    );
  return {
    authorityCertificate: async () => (await authority()).certificate,
    password: (id) => readOrMake(path.join(folder, `${id}.password`), () => randomBytes(24).toString('base64url')),
    async certificate(id, names = []) {
      const signer = await authority();
      const file = path.join(folder, `${id}.json`);
      const make = () => makeCertificate(signer, id, names, now());
      const kept = pairSchema.parse(JSON.parse(await readOrMake(file, async () => JSON.stringify(await make()))));
      if (isGood(kept, signer, names, now())) return kept;
      const renewed = await make();
      await writePrivate(file, JSON.stringify(renewed));
      return renewed;
    },
  };
}

/**
 * Forgets what an agent got in with, on this computer: the next bus phase leaves its user out of the servers, or, when its host is still
 * (or again) of the testbed, gives it a new password and a new certificate. Servers refuse the former ones from then on.
 */
export async function revokeAgent(stateFolder: string, agent: string): Promise<void> {
  const folder = busKeysFolder(stateFolder);
  await Promise.all(['json', 'password'].map((kind) => rm(path.join(folder, `${agent}.${kind}`), { force: true })));
}

function isGood(pair: KeyPair, signer: KeyPair, names: readonly string[], now: number): boolean {
  const certificate = new X509Certificate(pair.certificate);
  const wanted = new Set(names);
  const has = (certificate.subjectAltName ?? '')
    .split(', ')
    .filter(Boolean)
    .map((name) => name.replace(/^(DNS|IP Address):/, ''));
  return (
    Date.parse(certificate.validTo) > now + renewDays * 24 * 3600 * 1000 &&
    certificate.verify(new X509Certificate(signer.certificate).publicKey) &&
    has.length === wanted.size &&
    has.every((name) => wanted.has(name))
  );
}

/** What the desktop connects to the bus with: to the hub on the management host, port 4222, through the host's forwarding. */
export interface DesktopCredentials {
  user: string;
  password: string;
  /** PEM. */
  authority: string;
  certificate: string;
  key: string;
}

export const desktopUser = 'desktop';

/** @throws ENOENT when the bus phase has not run for this testbed. */
export async function readDesktopCredentials(stateFolder: string): Promise<DesktopCredentials> {
  const folder = busKeysFolder(stateFolder);
  const read = (name: string) => readFile(path.join(folder, name), 'utf8');
  const pair = pairSchema.parse(JSON.parse(await read(`${desktopUser}.json`)));
  const authority = pairSchema.parse(JSON.parse(await read('authority.json')));
  return { user: desktopUser, password: await read(`${desktopUser}.password`), authority: authority.certificate, ...pair };
}
