import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LocalHostsError, run, tryRun } from './shell.ts';
import { type Machine, machineFolder, type Places, type TestbedState } from './state.ts';

/** Which host is meant, and where its files are. */
export interface Where {
  places: Places;
  state: TestbedState;
}

export const folderOf = ({ places, state }: Where, machine: Machine): string =>
  machineFolder(places, state.testbed, machine.name);
/** The host's file system as seen from outside, also while it runs. */
export const rootOf = (where: Where, machine: Machine): string => join(folderOf(where, machine), 'root');

/** The host's own file system: a layer of changes over the base tree that all share. */
export async function mountTree(where: Where, machine: Machine): Promise<void> {
  const { base } = where.state;
  const folder = folderOf(where, machine);
  for (const name of ['changes', 'work', 'root', 'containerd']) mkdirSync(join(folder, name), { recursive: true });
  const root = rootOf(where, machine);
  if (existsSync(join(root, 'etc/local-host-base'))) return;
  // The layer of changes fits the tree it was made on, and no other.
  if (!existsSync(join(base, 'etc/local-host-base')))
    throw new LocalHostsError(
      `the base system of ${machine.name} is gone (${base}): destroy testbed "${where.state.testbed}" and create it again`,
    );
  const layers = `lowerdir=${base},upperdir=${join(folder, 'changes')},workdir=${join(folder, 'work')}`;
  await run('mount', ['-t', 'overlay', 'overlay', '-o', layers, root]);
}

export const mountPoints = (): string[] =>
  readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path !== '');

/** Removes everything that was on a host. @throws LocalHostsError when something stays mounted below it: deleting through a mount is never risked. */
export async function removeTree(where: Where, machine: Machine): Promise<void> {
  const folder = folderOf(where, machine);
  const below = () => mountPoints().filter((path) => path === folder || path.startsWith(`${folder}/`));
  // What a killed host left mounted (containerd's, the overlay) goes from the inside out.
  for (let attempt = 0; attempt < 50 && below().length > 0; attempt++) {
    for (const path of below().reverse()) if (!(await tryRun('umount', [path]))) await tryRun('umount', ['-l', path]);
  }
  if (below().length > 0) throw new LocalHostsError(`still mounted below ${folder}: ${below().join(', ')}`);
  rmSync(folder, { recursive: true, force: true });
}
