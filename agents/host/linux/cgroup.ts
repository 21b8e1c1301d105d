import { join } from 'node:path';
import { type KernelFiles, readNumber } from './files.ts';

/** Where a cgroup's counters are: with v1, processor and memory are in trees of their own. */
export interface CgroupPlace {
  version: 'v1' | 'v2';
  processor: string;
  memory: string;
  /** Where the quota of processor time stands; v1 may have it in a tree apart from the accounting. */
  quota: string;
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
export async function hostCgroup(files: KernelFiles): Promise<CgroupPlace | undefined> {
  const memberships = parseMemberships((await files.read('/proc/1/cgroup')) ?? '');
  const mounts = parseMounts((await files.read('/proc/self/mountinfo')) ?? '');
  const processor = await placeOf(files, mounts, memberships, 'cpuacct');
  const memory = await placeOf(files, mounts, memberships, 'memory');
  const quota = (await placeOf(files, mounts, memberships, 'cpu')) ?? processor;
  if (processor && quota) return { version: 'v1', processor, memory: memory ?? processor, quota };
  const unified = await placeOf(files, mounts, memberships, '');
  return unified === undefined ? undefined : { version: 'v2', processor: unified, memory: unified, quota: unified };
}

/** The cgroup of a pod, by its uid, below that of the host; undefined while there is none. */
export async function podCgroup(files: KernelFiles, host: CgroupPlace, podUid: string): Promise<CgroupPlace | undefined> {
  // The systemd driver writes "kubepods-burstable-pod<uid>.slice" with "_" for "-", cgroupfs "pod<uid>".
  const names = [`pod${podUid}`, `pod${podUid.replaceAll('-', '_')}`];
  const processor = await search(files, host.processor, names);
  if (processor === undefined) return undefined;
  const memory = host.memory === host.processor ? processor : await search(files, host.memory, names);
  return { version: host.version, processor, memory: memory ?? processor, quota: processor };
}

/** Processor time used since the cgroup was made, in seconds. */
export async function processorSeconds(files: KernelFiles, place: CgroupPlace): Promise<number | undefined> {
  if (place.version === 'v1') {
    const nanoseconds = await readNumber(files, join(place.processor, 'cpuacct.usage'));
    return nanoseconds === undefined ? undefined : nanoseconds / 1e9;
  }
  const microseconds = /^usage_usec (\d+)$/m.exec((await files.read(join(place.processor, 'cpu.stat'))) ?? '')?.[1];
  return microseconds === undefined ? undefined : Number(microseconds) / 1e6;
}

/** Memory in use that could not be dropped at once (without inactive page cache), and the limit where one is set. */
export async function memoryBytes(
  files: KernelFiles,
  place: CgroupPlace,
): Promise<{ used: number; limit: number | undefined } | undefined> {
  const [current, limitFile, inactiveName] =
    place.version === 'v1'
      ? ['memory.usage_in_bytes', 'memory.limit_in_bytes', 'total_inactive_file']
      : ['memory.current', 'memory.max', 'inactive_file'];
  const used = await readNumber(files, join(place.memory, current));
  if (used === undefined) return undefined;
  const statistics = (await files.read(join(place.memory, 'memory.stat'))) ?? '';
  const inactive = Number(new RegExp(`^${inactiveName} (\\d+)$`, 'm').exec(statistics)?.[1] ?? 0);
  return { used: Math.max(used - inactive, 0), limit: await readNumber(files, join(place.memory, limitFile)) };
}

/** Processors that the cgroup may use by its quota; undefined when it has none. */
export async function processorQuota(files: KernelFiles, place: CgroupPlace): Promise<number | undefined> {
  if (place.version === 'v2') {
    const [quota, period] = ((await files.read(join(place.quota, 'cpu.max'))) ?? '').trim().split(' ').map(Number);
    return quota && period && Number.isFinite(quota) ? quota / period : undefined;
  }
  const quota = await readNumber(files, join(place.quota, 'cpu.cfs_quota_us'));
  const period = await readNumber(files, join(place.quota, 'cpu.cfs_period_us'));
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

async function placeOf(
  files: KernelFiles,
  mounts: Mount[],
  memberships: Map<string, string>,
  controller: string,
): Promise<string | undefined> {
  const mount = mounts.find(({ controllers }) => controllers.includes(controller));
  if (!mount) return undefined;
  // systemd moves itself into init.scope; all else on the host is beside it.
  const path = (memberships.get(controller) ?? '/').replace(/\/init\.scope$/, '') || '/';
  const below = mount.root !== '/' && path.startsWith(mount.root) ? path.slice(mount.root.length) || '/' : path;
  const place = join(mount.point, below);
  return (await files.exists(place)) ? place : mount.point;
}

/** kubepods / quality-of-service class / pod, with a folder or two of the host's own above. */
const deepest = 5;

async function search(files: KernelFiles, from: string, names: string[], depth = 0): Promise<string | undefined> {
  const folders = await files.list(from);
  const found = folders.find((folder) => names.some((name) => folder.includes(name)));
  if (found !== undefined) return join(from, found);
  if (depth >= deepest) return undefined;
  for (const folder of folders) {
    // Only towards pods: a host has hundreds of other cgroups.
    const leads = folder.startsWith('kubepods') || (depth > 0 && /burstable|besteffort|guaranteed/.test(folder));
    if (!leads) continue;
    const deeper = await search(files, join(from, folder), names, depth + 1);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}
