import type { HostFacts, MountFacts } from './host-facts.ts';
import { asNumber, type FactLines } from './lines.ts';

/** What a run and Kubernetes will write to. */
export const writtenPaths = [
  '/',
  '/var/lib/containerd',
  '/var/lib/kubelet',
  '/var/lib/etcd',
  '/var/lib/mlsysops',
  '/var/log',
  '/tmp',
];

/** Cores, memory, disks, swap. A path that does not exist yet lies where its nearest folder does. */
export const resourcesScript = `
echo "cores $(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)"
sed -n -e 's/^MemTotal: *\\([0-9]*\\) kB/memory \\1/p' -e 's/^MemAvailable: *\\([0-9]*\\) kB/memory-available \\1/p' /proc/meminfo
while IFS=: read -r number controllers group; do
  case ",$controllers," in
    *,memory,*) root=/sys/fs/cgroup/memory file=memory.limit_in_bytes;;
    ,,) root=/sys/fs/cgroup file=memory.max;;
    *) continue;;
  esac
  [ -e "$root$group" ] || group=
  while :; do
    say memory-limit "$root$group/$file"
    [ -n "$group" ] || break
    group=\${group%/*}
  done
done </proc/1/cgroup
set --
for path in ${writtenPaths.join(' ')} /var; do
  at=$path
  while [ ! -e "$at" ]; do at=\${at%/*}; at=\${at:-/}; done
  set -- "$@" "$at"
  echo "path $path"
done
# One line for each, in this order.
df -Pk "$@" 2>/dev/null | while read -r line; do echo "blocks $line"; done
df -Pi "$@" 2>/dev/null | while read -r line; do echo "inodes $line"; done
# A host with containers has hundreds of mounts, few of them read-only.
grep -E '^[^ ]+ [^ ]+ [^ ]+ ro[, ]' /proc/mounts | while read -r device mount type rest; do
  [ "$type" = squashfs ] || echo "read-only $mount"
done
# Its first line names the columns.
{ read -r line && read -r line && echo swap yes; } 2>/dev/null </proc/swaps
`;

export function resourceFacts(lines: FactLines) {
  const memoryBytes = (lines.number('memory') ?? 0) * 1024;
  const limit = Math.min(...lines.all('memory-limit').flatMap((text) => asNumber(text) ?? []));
  const mounts = mountsOf(lines);
  return {
    cores: lines.number('cores') ?? 1,
    memoryBytes,
    memoryAvailableBytes: (lines.number('memory-available') ?? 0) * 1024,
    memoryLimitBytes: limit < memoryBytes ? limit : null,
    diskFreeBytes: mounts.find((mount) => mount.path === '/var')?.freeBytes ?? 0,
    mounts: mounts.filter((mount) => mount.path !== '/var'),
    swap: lines.one('swap') === 'yes',
  } satisfies Partial<HostFacts>;
}

export function mountsOf(lines: FactLines): MountFacts[] {
  const paths = lines.all('path');
  // The first line names the columns.
  const [, ...blocks] = lines.all('blocks').map(dfLine);
  const [, ...inodes] = lines.all('inodes').map(dfLine);
  if (blocks.length !== paths.length) return [];
  const readOnly = new Set(lines.all('read-only'));
  return paths.flatMap((path, index) => {
    const of = blocks[index];
    if (of?.size === undefined || of.free === undefined) return [];
    const { size = 0, free } = inodes.length === paths.length ? (inodes[index] ?? {}) : {};
    return [
      {
        path,
        mount: of.mount,
        device: of.device,
        sizeBytes: of.size * 1024,
        freeBytes: of.free * 1024,
        freeInodes: size > 0 && free !== undefined ? free / size : null,
        readOnly: readOnly.has(of.mount),
      },
    ];
  });
}

/** "device size used free percent mount"; a device (a share of Windows) and a mount may have spaces in them. */
function dfLine(line: string): { device: string; mount: string; size?: number; free?: number } {
  const found = /^(.*?)\s+(\d+)\s+(\d+|-)\s+(\d+)\s+(?:\d+%|-)\s+(\/.*)$/.exec(line);
  if (found === null) return { device: '', mount: '' };
  const [, device = '', size, , free, mount = ''] = found;
  return { device, mount, size: asNumber(size), free: asNumber(free) };
}
