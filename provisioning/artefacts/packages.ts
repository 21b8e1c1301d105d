import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { digestOfFile } from './digest.ts';
import { artefactFailure } from './download.ts';

const run = promisify(execFile);

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
