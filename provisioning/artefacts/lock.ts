import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { Failure } from '../run/failure.ts';

const lockEntrySchema = z.object({
  version: z.string(),
  /** Of what the publisher offers (an archive, or the file itself): the artefact's identity. */
  digest: z.string(),
  /** "bundle", or whence it was downloaded. */
  source: z.string(),
});
export type LockEntry = z.infer<typeof lockEntrySchema>;
const lockSchema = z.record(z.string(), lockEntrySchema);

/** artefacts.lock.json of a testbed: which bytes were installed, so that a second run installs the same. */
export interface ArtefactLock {
  /** Its file. */
  path: string;
  get(key: string): LockEntry | undefined;
  set(key: string, entry: LockEntry): Promise<void>;
}

/** @throws Failure (invalid-file) when the lock file is damaged. */
export async function openLock(stateFolder: string): Promise<ArtefactLock> {
  const file = path.join(stateFolder, 'artefacts.lock.json');
  const text = await readFile(file, 'utf8').catch(() => '{}');
  const entries = new Map(Object.entries(parseLock(text, file)));
  let writing = Promise.resolve();
  return {
    path: file,
    get: (key) => entries.get(key),
    set(key, entry) {
      if (JSON.stringify(entries.get(key)) === JSON.stringify(entry)) return writing;
      entries.set(key, entry);
      // One write after the other: hosts resolve artefacts at the same time.
      writing = writing.then(async () => {
        const sorted = Object.fromEntries([...entries].sort(([a], [b]) => a.localeCompare(b)));
        await writeFile(`${file}.new`, `${JSON.stringify(sorted, null, 2)}\n`, { mode: 0o600 });
        await rename(`${file}.new`, file);
      });
      return writing;
    },
  };
}

/**
 * Refuses bytes other than those that were installed before. What a bundle and a publisher offer of one version may be packed differently,
 * so they are compared only with their like. @throws Failure (artefact)
 */
export function checkUnchanged(lock: ArtefactLock, key: string, offered: LockEntry): void {
  const known = lock.get(key);
  if (known === undefined || known.digest === offered.digest || (known.source === 'bundle') !== (offered.source === 'bundle'))
    return;
  throw new Failure({
    code: 'artefact',
    cause: `${key} is not what was installed before: its digest is ${offered.digest} now, and was ${known.digest}`,
    remedy: `Find out who changed it. If the change is meant, delete "${key}" from ${lock.path}, then run again`,
  });
}

function parseLock(text: string, file: string): z.infer<typeof lockSchema> {
  try {
    return lockSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new Failure(
      { code: 'invalid-file', cause: `${file} is damaged`, remedy: 'Delete it; artefacts are then recorded anew' },
      { cause: error },
    );
  }
}
