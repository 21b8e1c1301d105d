import { join } from 'node:path';
import type { KernelFiles } from '../../../agents/host/linux/files.ts';
import type { KernelSettings } from '../../../agents/host/linux/settings.ts';
import { parseProcessorList } from '../../../agents/host/linux/settings.ts';

/**
 * Double of the kernel's cpuset cgroups, both versions, for machines that have one of them alone. It refuses what the kernel refuses (v1: a set outside the one above or
 * that one below is outside of; no processor while tasks run) and computes effective sets as it does (v2: within the one above; when nothing is left, as that).
 */
export class CpusetDouble implements KernelFiles, KernelSettings {
  readonly sets = new Map<string, string>();
  readonly written: string[] = [];
  /** Folders whose set cannot be changed: EBUSY, as under a partition. */
  readonly busy = new Set<string>();
  readonly #version: 'v1' | 'v2';
  readonly #root: string;

  constructor(version: 'v1' | 'v2', folders: Record<string, string>) {
    this.#version = version;
    this.#root = version === 'v1' ? '/sys/fs/cgroup/cpuset' : '/sys/fs/cgroup';
    for (const [folder, set] of Object.entries(folders)) this.sets.set(join(this.#root, folder), set);
  }

  read = (path: string): string | undefined => {
    const mount = `1 0 0:1 / ${this.#root} rw - ${this.#version === 'v1' ? 'cgroup c rw,cpuset' : 'cgroup2 c rw'}`;
    if (path === '/proc/self/mountinfo') return mount;
    if (path === '/proc/1/cgroup') return this.#version === 'v1' ? '3:cpuset:/' : '0::/init.scope';
    if (path === join(this.#root, 'cgroup.controllers')) return this.#version === 'v2' ? 'cpuset cpu io memory' : undefined;
    const [folder, file] = [path.slice(0, path.lastIndexOf('/')), path.slice(path.lastIndexOf('/') + 1)];
    const set = this.sets.get(folder);
    if (set === undefined) return undefined;
    // The root of v2 has no set of its own.
    if (file === 'cpuset.cpus') return this.#version === 'v2' && folder === this.#root ? undefined : set;
    return file === (this.#version === 'v2' ? 'cpuset.cpus.effective' : 'cpuset.effective_cpus')
      ? this.#effective(folder).join(',')
      : undefined;
  };

  list = (path: string): string[] => [
    ...new Set(
      [...this.sets.keys()].flatMap((one) => (one.startsWith(`${path}/`) ? [one.slice(path.length + 1).split('/')[0]!] : [])),
    ),
  ];

  exists = (path: string): boolean => this.sets.has(path) || this.read(path) !== undefined;

  write = (path: string, text: string): void => {
    const folder = path.slice(0, path.lastIndexOf('/'));
    if (!path.endsWith('/cpuset.cpus') || !this.exists(path)) throw refusal('ENOENT');
    if (this.busy.has(folder)) throw refusal('EBUSY');
    const set = text.trim();
    const wanted = set === '' ? [] : parseProcessorList(set);
    if (!wanted || (this.#version === 'v1' && wanted.length === 0)) throw refusal('EINVAL');
    if (this.#version === 'v1') {
      const within = (inner: number[], outer: number[]) => inner.every((one) => outer.includes(one));
      const above = this.sets.get(parentOf(folder));
      if (above !== undefined && !within(wanted, parse(above))) throw refusal('EACCES');
      for (const [one, below] of this.sets) if (parentOf(one) === folder && !within(parse(below), wanted)) throw refusal('EBUSY');
    }
    this.written.push(`${folder.slice(this.#root.length + 1)}=${set}`);
    this.sets.set(folder, shortest(wanted));
  };

  #effective(folder: string): number[] {
    const own = parse(this.sets.get(folder) ?? '');
    if (this.#version === 'v1' || folder === this.#root) return own;
    const above = this.#effective(parentOf(folder));
    const left = own.filter((one) => above.includes(one));
    return left.length > 0 ? left : above;
  }
}

const parentOf = (folder: string): string => folder.slice(0, folder.lastIndexOf('/'));
const parse = (text: string): number[] => (text === '' ? [] : (parseProcessorList(text) ?? []));
const refusal = (code: string): NodeJS.ErrnoException => Object.assign(new Error(`${code}: write`), { code });
/** As the kernel writes a list: runs as "first-last". */
const shortest = (processors: number[]): string =>
  processors
    .reduce<[number, number][]>((runs, one) => {
      const last = runs.at(-1);
      if (last && last[1] === one - 1) last[1] = one;
      else runs.push([one, one]);
      return runs;
    }, [])
    .map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
    .join(',');
