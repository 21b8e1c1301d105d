import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder } from './remove.ts';
import { run } from './shell.ts';

const suite = 'bookworm';
/** What a freshly installed Debian server with container support has, and nothing of Kubernetes. */
const packages = [
  'systemd,systemd-sysv,dbus,openssh-server,sudo,curl,ca-certificates,openssl,procps,kmod,zstd',
  'iproute2,nftables,iptables,conntrack,ethtool,socat,iputils-ping',
  'containerd,runc,containernetworking-plugins',
].join(',');

/** Runs inside each host before anything else: what a container's kernel view lacks of a host's. */
const hostSetup = `#!/bin/sh
# On cgroup v1, nspawn hands the controllers over read-only.
for mount in $(awk '$3=="cgroup"{print $2}' /proc/mounts); do mount -o remount,bind,rw "$mount"; done
# What is the whole computer's and not this host's is not written from here: only net is the host's own.
mount -o remount,bind,ro /sys
# It was mounted before the host had its network: what stands there of cards is the computer's, too.
mkdir -p /run/host-sys
mount -t sysfs sysfs /run/host-sys
for name in class/net devices/virtual/net; do mount --bind "/run/host-sys/$name" "/sys/$name"; done
umount /run/host-sys
for name in kernel vm fs dev; do
  mount --rbind "/proc/sys/$name" "/proc/sys/$name"
  mount -o remount,bind,ro "/proc/sys/$name"
done
# "echo b" to it would restart the whole computer.
[ ! -e /proc/sysrq-trigger ] || mount --bind /dev/null /proc/sysrq-trigger
# Nor is its swap: kubelet wants none, and "swapoff -a" must not mean the computer's.
printf 'Filename\\t\\t\\t\\tType\\t\\tSize\\t\\tUsed\\t\\tPriority\\n' >/run/host-swaps
mount --bind /run/host-swaps /proc/swaps
# These kubelet writes; it gets its own copy.
for name in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops; do
  copy=/run/host-sysctl/$name
  mkdir -p "$(dirname "$copy")"
  cat "/proc/sys/$name" >"$copy"
  mount --bind "$copy" "/proc/sys/$name"
done
# Containers see what is mounted later, as on a host.
mount --make-rshared /
# kubelet does not start without it. The computer's own is none of its business, and there is no console to stand in for it.
[ -e /dev/kmsg ] || ln -sfn /dev/null /dev/kmsg
`;

const hostSetupUnit = `[Unit]
Description=Make this container as much of a host as its kernel allows
DefaultDependencies=no
Before=sysinit.target systemd-sysctl.service systemd-modules-load.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/local-host/setup
[Install]
WantedBy=sysinit.target
`;

/** The base tree that all hosts share, built once by mmdebstrap and kept below `cache`; rebuilt when its recipe changes. @returns its path. */
export async function ensureBaseTree(cache: string, progress: (text: string) => void): Promise<string> {
  const recipe = createHash('sha256').update([suite, packages, hostSetup, hostSetupUnit].join('\0')).digest('hex').slice(0, 12);
  const tree = join(cache, `base-${recipe}`);
  if (existsSync(join(tree, 'etc/local-host-base'))) return tree;
  progress('Building the base system (once, about half a minute)');
  mkdirSync(cache, { recursive: true });
  // One helper at a time is here (lock.ts): a half-built tree is nobody's.
  for (const old of readdirSync(cache))
    if (old.startsWith('base-') && old.endsWith('.part')) await removeFolder(join(cache, old));
  const part = `${tree}.${process.pid}.part`;
  // mmdebstrap mounts this computer's /dev/shm and more into the tree. In namespaces of its own, which end with us, those mounts are
  // never seen here, and nothing goes on building what the next helper removes.
  const apart = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child=KILL'];
  const build = ['mmdebstrap', '--variant=minbase', `--include=${packages}`, suite, part];
  await run('setpriv', [...apart, ...build], { timeoutMs: 600_000 });
  const write = (path: string, content: string, mode = 0o644) => {
    mkdirSync(join(part, path, '..'), { recursive: true });
    writeFileSync(join(part, path), content, { mode });
  };
  write('usr/local/lib/local-host/setup', hostSetup, 0o755);
  write('etc/systemd/system/local-host-setup.service', hostSetupUnit);
  write(
    'etc/ssh/sshd_config.d/local-host.conf',
    'PasswordAuthentication no\nPermitRootLogin no\nUseDNS no\nMaxSessions 64\nMaxStartups 64\n',
  );
  // Shutting down with pods would take 90 s.
  write('etc/systemd/system.conf.d/local-host.conf', '[Manager]\nDefaultTimeoutStopSec=5s\n');
  // Nothing in these hosts may start fetching packages by itself.
  write('etc/apt/apt.conf.d/90local-host', 'APT::Periodic::Enable "0";\nAPT::Install-Recommends "0";\n');
  await run('chroot', [part, 'systemctl', 'enable', 'local-host-setup.service', 'ssh.service']);
  await run('chroot', [
    part,
    'systemctl',
    'mask',
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'systemd-timesyncd.service',
    'e2scrub_all.timer',
    'fstrim.timer',
  ]);
  await run('chroot', [part, 'useradd', '-m', '-s', '/bin/bash', 'researcher']);
  write('etc/sudoers.d/researcher', 'researcher ALL=(ALL) NOPASSWD: ALL\n', 0o440);
  for (const name of readdirSync(join(part, 'etc/ssh'))) if (name.startsWith('ssh_host_')) rmSync(join(part, 'etc/ssh', name));
  rmSync(join(part, 'etc/machine-id'), { force: true });
  write('etc/local-host-base', `${recipe}\n`);
  renameSync(part, tree);
  return tree;
}

/** Removes base trees of earlier recipes, but for those in `keep` and those that running hosts stand on. */
export async function pruneBaseTrees(cache: string, keep: string[]): Promise<void> {
  const mounts = readFileSync('/proc/mounts', 'utf8');
  for (const name of readdirSync(cache)) {
    const tree = join(cache, name);
    if (/^base-[0-9a-f]{12}$/.test(name) && !keep.includes(tree) && !mounts.includes(`lowerdir=${tree},`))
      await removeFolder(tree);
  }
}
