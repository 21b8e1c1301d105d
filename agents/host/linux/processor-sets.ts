import { join } from 'node:path';
import { hierarchyFolder, podFolder } from './cgroup.ts';
import type { KernelFiles } from './files.ts';
import { type KernelSettings, parseProcessorList } from './settings.ts';

/** Which processors pods may run on. On Linux by cpuset cgroups; the twin has its own over its simulation. */
export interface ProcessorSets {
  /** Why none can be set; undefined when they can. */
  absent(): string | undefined;
  /** Processors that pods may have. */
  processors(): number[];
  /** Those that a pod may run on now; undefined when it has no cpuset (it is gone, or its controller is not delegated). */
  read(podUid: string): number[] | undefined;
  /** Pins a pod; gives what puts it back. Nothing has changed when it throws. @throws Error as the kernel refuses */
  write(podUid: string, processors: number[]): () => void;
}

/**
 * Cpuset cgroups (kernel documentation, cgroup-v2 "Cpuset" and cgroup-v1/cpusets). In v2 the pod's own set is enough: those below it are held to it. In v1 every
 * set must be within the one above it, so that all of a pod are written: first widened from the top, then narrowed from the bottom.
 */
export class CpusetCgroups implements ProcessorSets {
  readonly #files: KernelFiles;
  readonly #settings: KernelSettings;

  constructor(files: KernelFiles, settings: KernelSettings) {
    this.#files = files;
    this.#settings = settings;
  }

  absent(): string | undefined {
    return this.#tree() === undefined ? 'this kernel has no cpuset controller, or it is not there for pods' : undefined;
  }

  processors(): number[] {
    const tree = this.#tree();
    const own = tree && this.#effective(tree.version, tree.folder);
    return own ?? parseProcessorList(this.#files.read('/sys/devices/system/cpu/online') ?? '') ?? [];
  }

  read(podUid: string): number[] | undefined {
    const pod = this.#pod(podUid);
    return pod && this.#effective(pod.version, pod.folder);
  }

  write(podUid: string, processors: number[]): () => void {
    const pod = this.#pod(podUid);
    if (!pod) throw new Error('the pod has no cpuset cgroup');
    const folders = pod.version === 'v2' ? [pod.folder] : [pod.folder, ...this.#below(pod.folder)];
    const former = new Map(folders.map((folder) => [folder, this.#own(folder)]));
    const restore = () => this.#writeAll(pod.version, former);
    try {
      this.#writeAll(pod.version, new Map(folders.map((folder) => [folder, processors.join(',')])));
      const got = this.#effective(pod.version, pod.folder) ?? [];
      if (got.join() !== processors.join())
        throw new Error(`the kernel gives processors ${got.join(',') || 'none'} instead of ${processors.join(',')}`);
    } catch (error) {
      try {
        restore();
      } catch (left) {
        throw new Error(`${messageOf(error)}; and it could not be put back: ${messageOf(left)}`);
      }
      throw error;
    }
    return restore;
  }

  /** Sets by folder, those of v1 from the top down. Containers may have gone since: their folders are passed over. */
  #writeAll(version: 'v1' | 'v2', wanted: Map<string, string>): void {
    const there = [...wanted].filter(([folder]) => this.#files.exists(folder));
    if (version === 'v1')
      for (const [folder, value] of there) {
        const union = [...parse(this.#own(folder)), ...parse(value)];
        this.#write(folder, [...new Set(union)].sort((a, b) => a - b).join(','));
      }
    for (const [folder, value] of there.reverse()) this.#write(folder, value);
  }

  #write(folder: string, value: string): void {
    // An empty set (v2: as the one above) needs a line, for a write of nothing is no write.
    if (this.#own(folder) !== value && (value === '' || parse(this.#own(folder)).join() !== parse(value).join()))
      this.#settings.write(join(folder, 'cpuset.cpus'), value || '\n');
  }

  #own(folder: string): string {
    return this.#settings.read(join(folder, 'cpuset.cpus')) ?? '';
  }

  #effective(version: 'v1' | 'v2', folder: string): number[] | undefined {
    const files = version === 'v2' ? ['cpuset.cpus.effective'] : ['cpuset.effective_cpus', 'cpuset.cpus'];
    const text = files.map((file) => this.#settings.read(join(folder, file))).find((one) => one !== undefined);
    return text === undefined ? undefined : parse(text);
  }

  #pod(podUid: string): { version: 'v1' | 'v2'; folder: string } | undefined {
    const tree = this.#tree();
    const folder = tree && podFolder(this.#files, tree.folder, podUid);
    return folder !== undefined && this.#files.exists(join(folder, 'cpuset.cpus'))
      ? { version: tree!.version, folder }
      : undefined;
  }

  #below(folder: string): string[] {
    return this.#files
      .list(folder)
      .map((name) => join(folder, name))
      .filter((path) => this.#files.exists(join(path, 'cpuset.cpus')))
      .flatMap((path) => [path, ...this.#below(path)]);
  }

  #tree(): { version: 'v1' | 'v2'; folder: string } | undefined {
    const v1 = hierarchyFolder(this.#files, 'cpuset');
    if (v1 !== undefined) return { version: 'v1', folder: v1 };
    const v2 = hierarchyFolder(this.#files, '');
    if (v2 === undefined) return undefined;
    const controllers = (this.#files.read(join(v2, 'cgroup.controllers')) ?? '').trim().split(/\s+/);
    return controllers.includes('cpuset') ? { version: 'v2', folder: v2 } : undefined;
  }
}

const parse = (text: string): number[] => (text === '' ? [] : (parseProcessorList(text) ?? []));
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
