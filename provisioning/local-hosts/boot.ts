import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupMounts, makeCgroup } from './cgroups.ts';
import { linkOf } from './network.ts';
import type { Machine } from './state.ts';
import { folderOf, rootOf, type Where } from './tree.ts';

export const unitOf = ({ state }: Where, machine: Machine): string => `mlsysops-${linkOf(state.index, machine.number)}`;
/** Under a running systemd the host is a scope of its own; elsewhere a group beside the others. */
export const underSystemd = (): boolean => existsSync('/run/systemd/system');
export const groupOf = (where: Where, machine: Machine): string =>
  underSystemd() ? `system.slice/${unitOf(where, machine)}.scope` : unitOf(where, machine);

/** Starts a host under a supervisor that outlives us; it is up when its sshd answers. */
export function boot(where: Where, machine: Machine): void {
  const folder = folderOf(where, machine);
  const joining = underSystemd()
    ? []
    : makeCgroup(groupOf(where, machine), machine.cpus).map((file) => `echo $$ >${quoted(file)}`);
  const nspawn = ['systemd-nspawn', ...nspawnArguments(where, machine)].map(quoted).join(' ');
  // "systemctl reboot" inside ends nspawn with 133; it is booted again.
  const lines = ['#!/bin/sh', ...joining, 'while :; do', `  ${nspawn}`, '  [ $? -eq 133 ] || break', 'done'];
  const supervisor = join(folder, 'supervise');
  writeFileSync(supervisor, `${lines.join('\n')}\n`, { mode: 0o755 });
  const scope = [
    '--scope',
    '--collect',
    `--unit=${unitOf(where, machine)}`,
    '-pDelegate=yes',
    `-pCPUQuota=${Math.round(machine.cpus * 100)}%`,
  ];
  const [program = '', ...args] = underSystemd() ? ['systemd-run', '--quiet', ...scope, supervisor] : [supervisor];
  const log = openSync(join(folder, 'console.log'), 'w', 0o644);
  const onVersion1 = cgroupMounts().some((mount) => mount.version === 1);
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      PATH: process.env.PATH,
      // On v1 the host hands itself its controllers (see the base tree's setup), and needs a writable /sys for it until that is done.
      SYSTEMD_NSPAWN_API_VFS_WRITABLE: onVersion1 ? '1' : 'network',
      ...(onVersion1 ? { SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE: '1' } : {}),
    },
  });
  child.unref();
  closeSync(log);
}

function nspawnArguments(where: Where, machine: Machine): string[] {
  return [
    '--quiet',
    '--boot',
    '--register=no',
    '--keep-unit',
    '--console=pipe',
    // nspawn keeps a folder for each machine, by a name that is the whole computer's; testbeds may call their hosts alike.
    `--machine=${linkOf(where.state.index, machine.number)}`,
    `--hostname=${machine.name}`,
    `--directory=${rootOf(where, machine)}`,
    `--network-namespace-path=/run/netns/${linkOf(where.state.index, machine.number)}`,
    // The clock is this computer's. Everything else a host has: containers are made in it.
    '--capability=all',
    '--drop-capability=CAP_SYS_TIME',
    // runc gives each container a keyring, and on cgroup v2 a device filter.
    '--system-call-filter=@keyring bpf',
    // An image store on overlay over overlay does not work.
    `--bind=${join(folderOf(where, machine), 'containerd')}:/var/lib/containerd`,
    ...(existsSync('/lib/modules') ? ['--bind-ro=/lib/modules'] : []),
  ];
}

const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
