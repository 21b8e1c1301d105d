import type { HostFacts, MountFacts } from '../facts/host-facts.ts';
import { type CheckFamily, error, type Finding, gib, ok, type Subject, size, warning } from './check.ts';

/** Cores, memory, swap, and the file systems that will be written to. */
export const resourceChecks: CheckFamily = (subject) => [
  cores(subject),
  ...memory(subject),
  subject.facts.swap && subject.facts.container === null
    ? ok('swap', 'swap is on; it will be turned off, and back on by a reset')
    : ok('swap', 'no swap of its own'),
  ...disks(subject),
];

const cores = ({ host, facts }: Subject): Finding =>
  host.role !== 'worker' && facts.cores < 2
    ? warning('cores', 'it has one core', 'A control plane wants two')
    : ok('cores', String(facts.cores));

/** GiB. Below `least` what is started is killed at once; below `wanted` (kubeadm's own limit on a control plane) it works, tightly. */
const memoryNeeds = {
  worker: { least: 0.3, wanted: 0.7 },
  master: { least: 0.9, wanted: 1.7 },
  management: { least: 1.2, wanted: 1.7 },
};

function memory({ host, facts }: Subject): Finding[] {
  const { least, wanted } = memoryNeeds[host.role];
  const bytes = facts.memoryLimitBytes ?? facts.memoryBytes;
  const what =
    facts.memoryLimitBytes === null ? `it has ${size(bytes)} of memory` : `its control group allows it ${size(bytes)} of memory`;
  const remedy = `A ${host.role} host wants ${wanted} GiB: give it more${facts.memoryLimitBytes === null ? '' : ' (the limit is set from outside, by what runs this container or VM)'}, or take another host for the role ${host.role}`;
  if (bytes < least * gib) return [error('memory', `${what}, and a ${host.role} host needs ${least} GiB at least`, remedy)];
  if (bytes < wanted * gib) return [warning('memory', what, remedy)];
  const installed = facts.listening.some((one) => one.ours === true);
  // What of it is used by our own says nothing.
  if (!installed && facts.memoryAvailableBytes < least * gib)
    return [
      warning(
        'memory',
        `of ${size(bytes)} of memory only ${size(facts.memoryAvailableBytes)} are available`,
        'Stop what uses it: ps aux --sort -rss | head',
      ),
    ];
  return [ok('memory', size(bytes))];
}

/** GiB that are written below a path, at least and with some days of use. */
const diskNeeds: Record<string, { purpose: string; least: number; wanted: number; controlPlane?: true }> = {
  '/': { purpose: 'programs', least: 0.5, wanted: 1 },
  '/var/lib/containerd': { purpose: 'images and containers', least: 0.5, wanted: 4 },
  '/var/lib/kubelet': { purpose: "pods' volumes", least: 0.05, wanted: 1 },
  '/var/lib/etcd': { purpose: "the cluster's state", least: 0.1, wanted: 2, controlPlane: true },
  '/var/lib/mlsysops': { purpose: "the agents' state", least: 0.05, wanted: 1 },
  '/var/log': { purpose: 'logs', least: 0.02, wanted: 0.5 },
  '/tmp': { purpose: 'temporary files of installers', least: 0.02, wanted: 0.1 },
};

/** Needs of paths that lie on one file system add up. */
function disks({ host, facts }: Subject): Finding[] {
  const needed = facts.mounts.filter(({ path }) => !diskNeeds[path]?.controlPlane || host.role !== 'worker');
  return [...new Set(needed.map(({ mount }) => mount))].flatMap((mount) =>
    fileSystem(
      mount,
      needed.filter((one) => one.mount === mount),
      facts,
    ),
  );
}

function fileSystem(mount: string, paths: MountFacts[], facts: HostFacts): Finding[] {
  const id = `disk-${mount}`;
  const [of] = paths;
  if (of === undefined) return [];
  const sum = (of: 'least' | 'wanted') => paths.reduce((all, { path }) => all + (diskNeeds[path]?.[of] ?? 0), 0) * gib;
  const purposes = paths.flatMap(({ path }) => diskNeeds[path]?.purpose ?? []);
  const why = purposes.length > 1 ? `${purposes.slice(0, -1).join(', ')} and ${purposes.at(-1)}` : purposes[0];
  // A file system in memory has no device of its own.
  const where = of.device.startsWith('/') ? `${mount} (${of.device})` : mount;
  const see = `du -xh ${mount} | sort -h | tail`;
  if (of.readOnly)
    return [
      error(
        id,
        `${where} is mounted read-only, and is needed for ${why}`,
        'See dmesg for why: a damaged disk or SD card is the usual reason',
      ),
    ];
  const installed = facts.listening.some((one) => one.ours === true);
  // What was installed already needs no room any more.
  const least = installed ? Math.min(sum('least'), gib / 8) : sum('least');
  if (of.freeBytes < least)
    return [
      error(
        id,
        `no space: ${where} has ${size(of.freeBytes)} free, and ${why} need ${size(least)} at least`,
        `Free ${size(sum('wanted'))} there (${see} shows what uses it)`,
      ),
    ];
  if (of.freeInodes !== null && of.freeInodes < 0.01)
    return [
      error(
        id,
        `${where} has no inodes left: no more files can be made on it`,
        `Remove files there that are not needed (df -i ${mount})`,
      ),
    ];
  if (of.freeBytes < sum('wanted') && !installed)
    return [
      warning(
        id,
        `${where} has ${size(of.freeBytes)} free, for ${why}`,
        `Free ${size(sum('wanted'))} there (${see} shows what uses it)`,
      ),
    ];
  // Kubelet's own thresholds (nodefs.available, imagefs.available): below, the node takes no pods and throws out those it has.
  const threshold = paths.some(({ path }) => path === '/var/lib/containerd') ? 0.15 : 0.1;
  const watched = paths.some(({ path }) => path === '/var/lib/containerd' || path === '/var/lib/kubelet');
  if (watched && of.freeBytes < threshold * of.sizeBytes)
    return [
      warning(
        id,
        `${where} is ${Math.round(100 - (of.freeBytes / of.sizeBytes) * 100)} % full: Kubernetes throws pods out of a node with less than ${threshold * 100} % free`,
        `Free some space there (${see} shows what uses it), or set kubernetes.kubeletOverrides.evictionHard in the testbed file`,
      ),
    ];
  return [ok(id, `${size(of.freeBytes)} free`)];
}
