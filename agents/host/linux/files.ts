import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Reading of kernel files below a root ("/" on a host, a folder in a test). What is not there is undefined, not an error. The kernel answers
 * from memory, in microseconds: a thread of its own for each file, as the asynchronous calls take, costs ten times the reading.
 */
export interface KernelFiles {
  read(path: string): string | undefined;
  /** Names in a folder; empty when there is none. */
  list(path: string): string[];
  exists(path: string): boolean;
}

/** One buffer for all files: such files have no size to ask for beforehand. */
const buffer = Buffer.allocUnsafe(64 * 1024);
/** More than the largest such file of the largest machine; no file of the kernel is endless, but a wrong path may be. */
const mostBytes = 4 * 1024 * 1024;

export function kernelFiles(root = '/'): KernelFiles {
  const at = (path: string): string => join(root, path);
  return {
    // Unreadable is as good as absent: RAPL is for root alone, controllers may be off.
    read(path) {
      try {
        return readWhole(at(path));
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
    exists: (path) => existsSync(at(path)),
  };
}

function readWhole(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    let length = readSync(descriptor, buffer, 0, buffer.length, null);
    if (length < buffer.length) return buffer.toString('latin1', 0, length);
    const parts = [Buffer.from(buffer)];
    for (let total = length; length > 0 && total < mostBytes; total += length) {
      length = readSync(descriptor, buffer, 0, buffer.length, null);
      parts.push(Buffer.from(buffer.subarray(0, length)));
    }
    return Buffer.concat(parts).toString('latin1');
  } finally {
    closeSync(descriptor);
  }
}

/** The number in a file that holds one; undefined when there is none ("max" included). */
export function readNumber(files: KernelFiles, path: string): number | undefined {
  const text = files.read(path)?.trim();
  if (text === undefined || text === '' || text === 'max') return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** The number after a name at the start of a line: "usage_usec 12", "nr_throttled 3". */
export function numberAfter(text: string, name: string): number | undefined {
  const from = text.startsWith(`${name} `) ? 0 : text.indexOf(`\n${name} `) + 1;
  if (from === 0 && !text.startsWith(`${name} `)) return undefined;
  const end = text.indexOf('\n', from);
  const value = Number(text.slice(from + name.length + 1, end < 0 ? undefined : end));
  return Number.isFinite(value) ? value : undefined;
}
