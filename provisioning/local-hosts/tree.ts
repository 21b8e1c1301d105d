import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder } from './remove.ts';
import { LocalHostsError, run } from './shell.ts';
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

/** Removes everything that was on a host. */
export const removeTree = (where: Where, machine: Machine): Promise<void> => removeFolder(folderOf(where, machine));
