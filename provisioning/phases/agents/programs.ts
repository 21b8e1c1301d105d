import { stat } from 'node:fs/promises';
import path from 'node:path';
import { digestOfFile } from '../../artefacts/digest.ts';
import { Failure } from '../../run/failure.ts';
import type { Step } from '../../run/phase.ts';
import { allOf, quote, script, undoing } from '../support/shell.ts';

/** A program of ours that goes to hosts as one file. */
export interface Program {
  localPath: string;
  target: string;
  /** null when the file is not there (not built): installing it then fails and says so. */
  sha256: string | null;
}

export async function programOf(localPath: string, target: string): Promise<Program> {
  const found = await stat(localPath, { bigint: true }).catch(() => null);
  return { localPath, target, sha256: found?.isFile() ? await digestOf(localPath, `${found.mtimeNs} ${found.size}`) : null };
}

/** A program that goes to many hosts is read once, as long as it is the same file. */
async function digestOf(localPath: string, state: string): Promise<string> {
  const known = digests.get(localPath);
  if (known?.state === state) return known.digest;
  const digest = digestOfFile(localPath);
  digests.set(localPath, { state, digest });
  digest.catch(() => digests.delete(localPath));
  return digest;
}
const digests = new Map<string, { state: string; digest: Promise<string> }>();

/** Keeps a program in place, by digest. */
export function programStep(id: string, title: string, program: Program): Step {
  const { localPath, target, sha256 } = program;
  return {
    id,
    title,
    observe:
      sha256 === null ? 'false' : allOf(`printf '%s\\n' ${quote(`${sha256}  ${target}`)} | sha256sum -c --status 2>/dev/null`),
    files: async () => {
      if (sha256 !== null) return [{ path: target, mode: '0644', localPath, sha256 }];
      throw new Failure({
        code: 'artefact',
        cause: `${path.basename(localPath)} is missing on this computer (${localPath})`,
        remedy: 'Build it with "npm run build", or install MLSysOps Desktop again',
      });
    },
    change: script(`chmod 0644 ${target}`),
    undo: undoing(`rm -f ${target}`),
  };
}
