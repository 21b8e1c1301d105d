import { existsSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { LocalHostsError, tryRun } from './shell.ts';

/** Mount points in a table like /proc/mounts, in its order, which writes blanks and backslashes as octal numbers. */
export const mountPointsIn = (table: string): string[] =>
  table
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path !== '')
    .map((path) => path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))));

/** What is mounted at a folder or below it, innermost last. `folder` has to be free of links: the table has true paths. */
export const mountedBelow = (folder: string, table: string): string[] =>
  mountPointsIn(table).filter((path) => path === folder || path.startsWith(`${folder}/`));

/**
 * Removes a folder that hosts or their making had mounts in. What is still mounted below is unmounted first: deleting through
 * a mount would delete what is this computer's (its /dev/shm, say).
 * @throws LocalHostsError when something stays mounted; then nothing is deleted.
 */
export async function removeFolder(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  const path = realpathSync(folder);
  const mounted = () => mountedBelow(path, readFileSync('/proc/self/mounts', 'utf8'));
  for (let attempt = 0; attempt < 50 && mounted().length > 0; attempt++) {
    for (const point of mounted().reverse()) if (!(await tryRun('umount', [point]))) await tryRun('umount', ['-l', point]);
  }
  const left = mounted();
  if (left.length > 0) throw new LocalHostsError(`nothing was removed: still mounted below ${path}: ${left.join(', ')}`);
  rmSync(path, { recursive: true, force: true });
}
