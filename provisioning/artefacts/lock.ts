import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { Failure } from '../run/failure.ts';

const lockEntrySchema = z.object({
  version: z.string(),
  /** Of what the publisher offers (an archive, or the file itself): the artefact's identity. */
  digest: z.string(),
  source: z.string(),
});
export type LockEntry = z.infer<typeof lockEntrySchema>;
const lockSchema = z.record(z.string(), lockEntrySchema);

/** artefacts.lock.json of a testbed: which bytes were installed, so that a second run installs the same. */
export interface ArtefactLock {
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
