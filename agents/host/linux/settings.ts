import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of the kernel by which a host is set. They are small and answer at once: reading and writing them waits for nothing. */
export interface KernelSettings {
  /** Trimmed; undefined when there is no such file, or it may not be read. */
  read(path: string): string | undefined;
  /** Names in a folder; empty when there is none. */
  list(path: string): string[];
  /** @throws NodeJS.ErrnoException as the kernel refuses: EINVAL, EACCES, EBUSY… */
  write(path: string, value: string): void;
}

export function kernelSettings(root = '/'): KernelSettings {
  const at = (path: string): string => join(root, path);
  return {
    read(path) {
      try {
        return readFileSync(at(path), 'utf8').trim();
      } catch {
        return undefined;
      }
    },
    list(path) {
      try {
        return readdirSync(at(path));
      } catch {
        return [];
      }
    },
    // The kernel's files are there or not: none is ever created.
    write: (path, value) => writeFileSync(at(path), value, { flag: 'r+' }),
  };
}

/** "0-3,8" as [0, 1, 2, 3, 8]; undefined when it is no such list. */
export function parseProcessorList(text: string): number[] | undefined {
  const parts = text.trim().split(',');
  const numbers = parts.flatMap((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!match) return [Number.NaN];
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    return last < first || last - first > 4096
      ? [Number.NaN]
      : Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  return numbers.some(Number.isNaN) ? undefined : [...new Set(numbers)].sort((a, b) => a - b);
}
