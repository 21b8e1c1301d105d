import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Reading of kernel files below a root ("/" on a host, a folder in a test). What is not there is undefined, not an error. */
export interface KernelFiles {
  read(path: string): Promise<string | undefined>;
  /** Names in a folder; empty when there is none. */
  list(path: string): Promise<string[]>;
  exists(path: string): Promise<boolean>;
}

export function kernelFiles(root = '/'): KernelFiles {
  const at = (path: string): string => join(root, path);
  return {
    // Unreadable is as good as absent: RAPL is for root alone, controllers may be off.
    read: (path) => readFile(at(path), 'utf8').catch(() => undefined),
    list: (path) => readdir(at(path)).catch(() => []),
    exists: (path) =>
      access(at(path)).then(
        () => true,
        () => false,
      ),
  };
}

/** The number in a file that holds one; undefined when there is none ("max" included). */
export async function readNumber(files: KernelFiles, path: string): Promise<number | undefined> {
  const text = (await files.read(path))?.trim();
  if (text === undefined || text === '' || text === 'max') return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
