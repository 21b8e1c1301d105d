import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Where the kernel's cgroup trees are mounted: several on v1 and hybrid, one on v2. */
export function cgroupMounts(): { path: string; version: 1 | 2 }[] {
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, path, type]) => ({ path: path ?? '', version: type === 'cgroup' ? (1 as const) : (2 as const) }))
    .filter(({ path }) => path !== '');
}

const periodUs = 100_000;

/** Makes a group in every tree, with a CPU quota of `cpus` cores. @returns the files that a process writes its pid to, to join it. */
export function makeCgroup(name: string, cpus: number): string[] {
  return cgroupMounts().map(({ path, version }) => {
    const folder = join(path, name);
    if (version === 2) offerControllers(path);
    mkdirSync(folder, { recursive: true });
    const set = (file: string, value: string) => {
      if (existsSync(join(folder, file))) writeFileSync(join(folder, file), value);
    };
    if (version === 1) {
      // A new v1 cpuset is empty and takes no process until it has CPUs and memory nodes.
      for (const file of ['cpuset.mems', 'cpuset.cpus']) {
        if (existsSync(join(folder, file))) set(file, readFileSync(join(path, file), 'utf8').trim());
      }
      set('cpu.cfs_period_us', String(periodUs));
      set('cpu.cfs_quota_us', String(Math.round(cpus * periodUs)));
    } else set('cpu.max', `${Math.round(cpus * periodUs)} ${periodUs}`);
    return join(folder, 'cgroup.procs');
  });
}

/** Without a systemd nobody has handed the controllers of v2 down to the groups yet. */
function offerControllers(root: string): void {
  if (!existsSync(join(root, 'cgroup.controllers'))) return;
  for (const name of readFileSync(join(root, 'cgroup.controllers'), 'utf8').split(/\s/).filter(Boolean)) {
    try {
      writeFileSync(join(root, 'cgroup.subtree_control'), `+${name}`);
    } catch (error) {
      // Inside a container the root group has processes and can hand down nothing: then hosts have no quota there.
      if (!['EBUSY', 'EACCES', 'EPERM', 'ENOTSUP', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

/** All processes in a group and below, of every tree. */
export function processesIn(name: string): number[] {
  const found = new Set<number>();
  for (const { path } of cgroupMounts()) collect(join(path, name), found);
  return [...found];
}

function collect(folder: string, into: Set<number>): void {
  let entries: { name: string; isDirectory(): boolean }[];
  try {
    for (const line of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n')) if (line !== '') into.add(Number(line));
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    // A group that ended while we looked holds nothing.
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return;
    throw error;
  }
  for (const entry of entries) if (entry.isDirectory()) collect(join(folder, entry.name), into);
}

/** SIGKILL to everything in a group, until nothing is left. @throws Error when something survives for 10 s. */
export async function killAll(name: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const pids = processesIn(name).filter((pid) => pid > 0);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    await delay(100);
  }
  throw new Error(`processes of ${name} could not be ended: ${processesIn(name).join(', ')}`);
}

/** Removes a group and what is below it from every tree. */
export function removeCgroup(name: string): void {
  for (const { path } of cgroupMounts()) remove(join(path, name));
}

function remove(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) remove(join(folder, entry.name));
  try {
    rmdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
