import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Limits of a container: cores, bytes; absent means none. */
export interface Limits {
  cpuRequest?: number;
  cpuLimit?: number;
  memoryLimit?: number;
}

const periodUs = 100_000;

/**
 * Cgroups of the pods of this host, in every hierarchy that matters: cpu, cpuacct and memory, and the one by which systemd tells
 * whose a process is (else stopping kubelet.service would stop the pods). Cgroup v1, v2, and both mixed.
 */
export class Cgroups {
  /** Folder of `root` in each hierarchy, with the controllers it has. */
  readonly #roots: { folder: string; controllers: Set<string>; unified: boolean }[];

  constructor(root = 'kubepods') {
    this.#roots = hierarchies().map(({ mount, ...rest }) => ({ ...rest, folder: join(mount, root) }));
  }

  /** Makes the cgroup of a container and gives the files into which its process writes itself. */
  create(podUid: string, container: string, limits: Limits, cores: number): string[] {
    return this.#roots.map(({ folder, controllers, unified }) => {
      const pod = join(folder, `pod${podUid}`);
      const own = join(pod, container);
      mkdirSync(own, { recursive: true });
      if (unified && controllers.size > 0)
        for (const parent of [join(folder, '..'), folder, pod]) enable(parent, [...controllers]);
      if (controllers.has('cpu')) {
        // As kubelet: all pods together weigh as much as the host has cores, each as much as it asks for.
        const weigh = (at: string, request: number) => {
          const shares = Math.max(2, Math.round(request * 1024));
          if (unified) writeFileSync(join(at, 'cpu.weight'), String(Math.round(1 + ((shares - 2) * 9999) / 262_142)));
          else writeFileSync(join(at, 'cpu.shares'), String(shares));
        };
        weigh(folder, cores);
        weigh(pod, limits.cpuRequest ?? limits.cpuLimit ?? 0);
        if (limits.cpuLimit !== undefined) {
          const quota = Math.max(1000, Math.round(limits.cpuLimit * periodUs));
          if (unified) writeFileSync(join(own, 'cpu.max'), `${quota} ${periodUs}`);
          else {
            writeFileSync(join(own, 'cpu.cfs_period_us'), String(periodUs));
            writeFileSync(join(own, 'cpu.cfs_quota_us'), String(quota));
          }
        }
      }
      if (controllers.has('memory') && limits.memoryLimit !== undefined)
        writeFileSync(join(own, unified ? 'memory.max' : 'memory.limit_in_bytes'), String(limits.memoryLimit));
      return join(own, 'cgroup.procs');
    });
  }

  /** Processes of a container, or of the whole pod. */
  processes(podUid: string, container?: string): number[] {
    const found = new Set<number>();
    for (const { folder } of this.#roots)
      for (const cgroup of below(join(folder, `pod${podUid}`, container ?? ''))) for (const pid of pidsIn(cgroup)) found.add(pid);
    return [...found];
  }

  /** Uids of pods that have a cgroup here. */
  pods(): string[] {
    const uids = this.#roots.flatMap(({ folder }) => foldersIn(folder).filter((name) => name.startsWith('pod')));
    return [...new Set(uids.map((name) => name.slice(3)))];
  }

  /** Kills what is left in a pod's cgroups and removes them. Gives false while processes are still going away. */
  remove(podUid: string, container?: string): boolean {
    for (const pid of this.processes(podUid, container)) kill(pid, 'SIGKILL');
    return this.#roots
      .flatMap(({ folder }) => below(join(folder, `pod${podUid}`, container ?? '')))
      .sort((a, b) => b.length - a.length)
      .map(removed)
      .every(Boolean);
  }

  /** Removes the root, once no pod is left. */
  removeRoot(): void {
    for (const { folder } of this.#roots) removed(folder);
  }

  /** Cores that this host may use: the machine's, or fewer where a quota says so. */
  cores(machine: number): number {
    for (const { folder, controllers, unified } of this.#roots) {
      if (!controllers.has('cpu')) continue;
      const host = join(folder, '..');
      const read = (name: string): string => {
        const file = join(host, name);
        return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
      };
      const [quota, period] = unified ? read('cpu.max').split(' ') : [read('cpu.cfs_quota_us'), read('cpu.cfs_period_us')];
      const limit = Number(quota) / Number(period);
      if (Number.isFinite(limit) && limit > 0) return Math.min(machine, Math.max(1, Math.round(limit)));
    }
    return machine;
  }
}

/** Sends a signal; a process that is gone already is as good. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function hierarchies(): { mount: string; controllers: Set<string>; unified: boolean }[] {
  const ofInit = initCgroups();
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => {
      // proc(5): … root, mount point, mount options … - type, source, super options
      const [before = '', after = ''] = line.split(' - ');
      const [, , , root = '/', mount = '', mountOptions = ''] = before.split(' ');
      const [type, , superOptions = ''] = after.split(' ');
      if ((type !== 'cgroup' && type !== 'cgroup2') || mountOptions.split(',').includes('ro')) return [];
      const named = new Set(superOptions.split(','));
      const controllers = new Set(
        type === 'cgroup'
          ? ['cpu', 'cpuacct', 'memory'].filter((name) => named.has(name))
          : ['cpu', 'memory'].filter((name) => controllersIn(mount).includes(name)),
      );
      if (type === 'cgroup' && controllers.size === 0 && !named.has('name=systemd')) return [];
      const own = type === 'cgroup2' ? ofInit.get('') : [...named].map((name) => ofInit.get(name)).find((path) => path);
      return [{ mount: hostPart(mount, root, own ?? '/'), controllers, unified: type === 'cgroup2' }];
    });
}

/** Where the host's own part of a hierarchy is: that of its init, which without a cgroup namespace is not the top. */
function hostPart(mount: string, root: string, ofInit: string): string {
  const path = ofInit.replace(/\/init\.scope$/, '') || '/';
  const below = root !== '/' && path.startsWith(root) ? path.slice(root.length) : path;
  const part = join(mount, below);
  return existsSync(part) ? part : mount;
}

/** Controller (or "" for v2) → cgroup of PID 1. */
function initCgroups(): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of readFileSync('/proc/1/cgroup', 'utf8').trim().split('\n')) {
    const [, names = '', path = '/'] = line.split(/:(.*?):/s);
    for (const name of names.split(',')) paths.set(name, path);
  }
  return paths;
}

const controllersIn = (mount: string): string[] => {
  const file = join(mount, 'cgroup.controllers');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : [];
};

function enable(folder: string, controllers: string[]): void {
  const file = join(folder, 'cgroup.subtree_control');
  const enabled = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : [];
  const missing = controllers.filter((name) => !enabled.includes(name));
  if (missing.length > 0) writeFileSync(file, missing.map((name) => `+${name}`).join(' '));
}

const foldersIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
    : [];

const below = (folder: string): string[] =>
  existsSync(folder) ? [folder, ...foldersIn(folder).flatMap((name) => below(join(folder, name)))] : [];

const pidsIn = (cgroup: string): number[] => {
  try {
    return readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').trim().split('\n').filter(Boolean).map(Number);
  } catch {
    // It went away between listing and reading.
    return [];
  }
};

function removed(folder: string): boolean {
  try {
    if (existsSync(folder)) rmdirSync(folder);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    // EBUSY, ENOTEMPTY: killed processes need a moment to be gone.
    return false;
  }
}
