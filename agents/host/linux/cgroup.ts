import { join, relative } from 'node:path';
import { type KernelFiles, numberAfter, readNumber } from './files.ts';

/** Where a cgroup's counters are: with v1, processor and memory are in trees of their own. */
export interface CgroupPlace {
  version: 'v1' | 'v2';
  processor: string;
  memory: string;
  /** Where the quota of processor time stands; v1 may have it in a tree apart from the accounting. */
  quota: string;
  /** Where reading and writing of disks is counted; v1 may lack it. */
  io: string | undefined;
}

interface Mount {
  root: string;
  point: string;
  controllers: string[];
}

/**
 * The cgroup that holds everything on this host: the one that PID 1 started in. On a whole machine it is the root; in a container it is the
 * container's. undefined when there are no cgroups to be seen.
 */
export function hostCgroup(files: KernelFiles): CgroupPlace | undefined {
  const memberships = parseMemberships(files.read('/proc/1/cgroup') ?? '');
  const mounts = parseMounts(files.read('/proc/self/mountinfo') ?? '');
  const processor = placeOf(files, mounts, memberships, 'cpuacct');
  const memory = placeOf(files, mounts, memberships, 'memory');
  const quota = placeOf(files, mounts, memberships, 'cpu') ?? processor;
  const io = placeOf(files, mounts, memberships, 'blkio');
  if (processor && quota) return { version: 'v1', processor, memory: memory ?? processor, quota, io };
  const unified = placeOf(files, mounts, memberships, '');
  return unified === undefined ? undefined : { version: 'v2', processor: unified, memory: unified, quota: unified, io: unified };
}

/** Folder of the host's cgroup in the hierarchy that has `controller`, a v1 one; "" is the unified hierarchy. undefined when there is none. */
export function hierarchyFolder(files: KernelFiles, controller: string): string | undefined {
  const mounts = parseMounts(files.read('/proc/self/mountinfo') ?? '');
  return placeOf(files, mounts, parseMemberships(files.read('/proc/1/cgroup') ?? ''), controller);
}

/** Folder of a pod's cgroup below `from`, a folder of `hierarchyFolder`; undefined while there is none. */
export const podFolder = (files: KernelFiles, from: string, podUid: string): string | undefined =>
  search(files, from, podNames(podUid));

/** The systemd driver writes "kubepods-burstable-pod<uid>.slice" with "_" for "-", cgroupfs "pod<uid>". */
const podNames = (podUid: string): string[] => [`pod${podUid}`, `pod${podUid.replaceAll('-', '_')}`];

/** The cgroup of a pod, by its uid, below that of the host; undefined while there is none. */
export function podCgroup(files: KernelFiles, host: CgroupPlace, podUid: string): CgroupPlace | undefined {
  const names = podNames(podUid);
  const processor = search(files, host.processor, names);
  if (processor === undefined) return undefined;
  const placeIn = (tree: string | undefined): string | undefined => {
    if (tree === undefined || tree === host.processor) return tree && processor;
    // All trees have the same paths but where something is amiss.
    const same = join(tree, relative(host.processor, processor));
    return files.exists(same) ? same : search(files, tree, names);
  };
  return {
    version: host.version,
    processor,
    memory: placeIn(host.memory) ?? processor,
    quota: placeIn(host.quota) ?? processor,
    io: placeIn(host.io),
  };
}

/** Processor time used since the cgroup was made, in seconds. */
export function processorSeconds(files: KernelFiles, place: CgroupPlace): number | undefined {
  if (place.version === 'v1') {
    const nanoseconds = readNumber(files, join(place.processor, 'cpuacct.usage'));
    return nanoseconds === undefined ? undefined : nanoseconds / 1e9;
  }
  const microseconds = numberAfter(files.read(join(place.processor, 'cpu.stat')) ?? '', 'usage_usec');
  return microseconds === undefined ? undefined : microseconds / 1e6;
}

/** v1 counts in ticks of the user's clock, which is 100 Hz on every architecture of ours. */
const ticksPerS = 100;

/** Processor time by mode since the cgroup was made, in seconds. */
export function processorUse(files: KernelFiles, place: CgroupPlace): { userS: number; systemS: number } | undefined {
  const isV1 = place.version === 'v1';
  const text = files.read(join(place.processor, isV1 ? 'cpuacct.stat' : 'cpu.stat')) ?? '';
  const [user, system] = (isV1 ? ['user', 'system'] : ['user_usec', 'system_usec']).map((name) => numberAfter(text, name));
  const unit = isV1 ? ticksPerS : 1e6;
  return user === undefined || system === undefined ? undefined : { userS: user / unit, systemS: system / unit };
}

/** How often a quota's period has ended since the cgroup was made, and in how many of them it had been used up before. undefined without accounting. */
export function throttling(files: KernelFiles, place: CgroupPlace): { periods: number; throttled: number } | undefined {
  const text = files.read(join(place.version === 'v1' ? place.quota : place.processor, 'cpu.stat')) ?? '';
  const periods = numberAfter(text, 'nr_periods');
  const throttled = numberAfter(text, 'nr_throttled');
  return periods === undefined || throttled === undefined ? undefined : { periods, throttled };
}

/** Bytes read from and written to disks since the cgroup was made, those of cgroups below it included. */
export function diskBytes(files: KernelFiles, place: CgroupPlace): { read: number; written: number } | undefined {
  if (place.io === undefined) return undefined;
  const isV1 = place.version === 'v1';
  // "8:0 rbytes=1 wbytes=2 rios=…" a disk, or "8:0 Read 1" and "8:0 Write 2".
  const text = files.read(join(place.io, isV1 ? 'blkio.throttle.io_service_bytes_recursive' : 'io.stat'));
  if (text === undefined) return undefined;
  const sum = (pattern: RegExp): number => [...text.matchAll(pattern)].reduce((total, [, bytes]) => total + Number(bytes), 0);
  return isV1
    ? { read: sum(/ Read (\d+)/g), written: sum(/ Write (\d+)/g) }
    : { read: sum(/\brbytes=(\d+)/g), written: sum(/\bwbytes=(\d+)/g) };
}

/** Memory in use that could not be dropped at once (without inactive page cache), and the limit where one is set. */
export function memoryBytes(files: KernelFiles, place: CgroupPlace): { used: number; limit: number | undefined } | undefined {
  const [current, limitFile, inactiveName] =
    place.version === 'v1'
      ? ['memory.usage_in_bytes', 'memory.limit_in_bytes', 'total_inactive_file']
      : ['memory.current', 'memory.max', 'inactive_file'];
  const used = readNumber(files, join(place.memory, current));
  if (used === undefined) return undefined;
  const statistics = files.read(join(place.memory, 'memory.stat')) ?? '';
  const inactive = numberAfter(statistics, inactiveName) ?? 0;
  const limit = readNumber(files, join(place.memory, limitFile));
  // v1 writes no limit as the largest whole number of pages.
  return { used: Math.max(used - inactive, 0), limit: limit !== undefined && limit < 2 ** 62 ? limit : undefined };
}

/** Processors that the cgroup may use by its quota; undefined when it has none. */
export function processorQuota(files: KernelFiles, place: CgroupPlace): number | undefined {
  if (place.version === 'v2') {
    const [quota, period] = (files.read(join(place.quota, 'cpu.max')) ?? '').trim().split(' ').map(Number);
    return quota && period && Number.isFinite(quota) ? quota / period : undefined;
  }
  const quota = readNumber(files, join(place.quota, 'cpu.cfs_quota_us'));
  const period = readNumber(files, join(place.quota, 'cpu.cfs_period_us'));
  return quota !== undefined && quota > 0 && period ? quota / period : undefined;
}

/** /proc/<pid>/cgroup: path by controller; the unified hierarchy's controller is "". */
function parseMemberships(text: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const controller of controllers.split(',')) paths.set(controller, path);
  }
  return paths;
}

/** Cgroup mounts of /proc/self/mountinfo (proc(5)): what is mounted, where, with which controllers. */
function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ');
    const [type, , options = ''] = (after ?? '').split(' ');
    const [, , , root, point] = (before ?? '').split(' ');
    if (root === undefined || point === undefined) return [];
    if (type === 'cgroup2') return [{ root, point, controllers: [''] }];
    return type === 'cgroup' ? [{ root, point, controllers: options.split(',') }] : [];
  });
}

function placeOf(files: KernelFiles, mounts: Mount[], memberships: Map<string, string>, controller: string): string | undefined {
  const mount = mounts.find(({ controllers }) => controllers.includes(controller));
  if (!mount) return undefined;
  // systemd moves itself into init.scope; all else on the host is beside it.
  const path = (memberships.get(controller) ?? '/').replace(/\/init\.scope$/, '') || '/';
  const below = mount.root !== '/' && path.startsWith(mount.root) ? path.slice(mount.root.length) || '/' : path;
  const place = join(mount.point, below);
  return files.exists(place) ? place : mount.point;
}

/** kubepods / quality-of-service class / pod, with a folder or two of the host's own above. */
const deepest = 5;

function search(files: KernelFiles, from: string, names: string[], depth = 0): string | undefined {
  const folders = files.list(from);
  const found = folders.find((folder) => names.some((name) => folder.includes(name)));
  if (found !== undefined) return join(from, found);
  if (depth >= deepest) return undefined;
  for (const folder of folders) {
    // Only towards pods: a host has hundreds of other cgroups.
    const leads = folder.startsWith('kubepods') || (depth > 0 && /burstable|besteffort|guaranteed/.test(folder));
    if (!leads) continue;
    const deeper = search(files, join(from, folder), names, depth + 1);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}
