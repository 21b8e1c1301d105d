import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { LocalHostsError } from './shell.ts';

/** Names of bridges and networks are the whole computer's, whatever the state folder: so is the lock. */
export const lockPath = '/run/mlsysops-local-hosts.lock';

/** No two helpers have the same hosts in hand; those of other testbeds go on meanwhile. Taken before `lockPath`, never after it. */
export const testbedLockPath = (testbed: string): string => {
  // A few locks for all testbeds, as files that came and went with theirs could be waited for in vain. Who shares one only waits.
  const number = createHash('sha256').update(testbed).digest()[0]! % 32;
  return `/run/mlsysops-local-hosts.${number}.lock`;
};

/**
 * Runs `work` while no other helper holds the same lock: two that make hosts at once would choose the same network.
 * The kernel's lock is held by a child that ends with our end of its stdin: a killed helper leaves no lock behind.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const holder = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo held; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => holder.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve());
    holder.once('error', (error) => reject(new LocalHostsError(`"flock" of util-linux could not be started: ${error.message}`)));
    holder.once('exit', (code) => reject(new LocalHostsError(`the lock ${path} could not be taken (flock ended with ${code})`)));
  });
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
