import { spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { killAll, makeCgroup, processesIn, removeCgroup } from './cgroups.ts';
import { linkOf, makeLink, removeLink } from './network.ts';
import { LocalHostsError, run, tryRun } from './shell.ts';
import { type Machine, machineFolder, type Places, type TestbedState } from './state.ts';

/** One host: an overlay on the base tree, booted by systemd-nspawn in a network namespace and a cgroup of its own. */
export interface Where {
  places: Places;
  state: TestbedState;
  base: string;
}

const bootMs = 60_000;
const stopMs = 20_000;
const unitOf = ({ state }: Where, machine: Machine): string => `mlsysops-${linkOf(state.index, machine.number)}`;
/** Under a running systemd the host is a scope of its own; elsewhere a group beside the others. */
const underSystemd = (): boolean => existsSync('/run/systemd/system');
const groupOf = (where: Where, machine: Machine): string =>
  underSystemd() ? `system.slice/${unitOf(where, machine)}.scope` : unitOf(where, machine);
const folderOf = ({ places, state }: Where, machine: Machine): string => machineFolder(places, state.testbed, machine.name);

/** Boots a host, made first when it is new, and waits until its sshd answers. Harmless when it runs already. */
export async function startMachine(where: Where, machine: Machine): Promise<void> {
  if (processesIn(groupOf(where, machine)).length === 0) {
    await mountTree(where, machine);
    furnish(where, machine);
    await makeLink(where.state, machine);
    boot(where, machine);
  }
  await awaitSsh(where, machine);
}

async function mountTree(where: Where, machine: Machine): Promise<void> {
  const folder = folderOf(where, machine);
  for (const name of ['changes', 'work', 'root', 'containerd']) mkdirSync(join(folder, name), { recursive: true });
  if (existsSync(join(folder, 'root/etc/local-host-base'))) return;
  await run('mount', [
    '-t',
    'overlay',
    'overlay',
    '-o',
    `lowerdir=${where.base},upperdir=${join(folder, 'changes')},workdir=${join(folder, 'work')}`,
    join(folder, 'root'),
  ]);
}

/** What makes this tree this host: name, addresses, keys. A host that was furnished before keeps its identity. */
function furnish(where: Where, machine: Machine): void {
  const root = join(folderOf(where, machine), 'root');
  const write = (path: string, content: string, mode = 0o644) => {
    writeFileSync(join(root, path), content, { mode });
    chmodSync(join(root, path), mode);
  };
  // Names resolve and HTTPS is trusted as on this computer.
  for (const file of ['/etc/resolv.conf', '/etc/ssl/certs/ca-certificates.crt']) {
    if (existsSync(file)) cpSync(realpathSync(file), join(root, file));
  }
  if (existsSync(join(root, 'etc/local-host-name'))) return;
  write('etc/hostname', `${machine.name}\n`);
  write('etc/hosts', `127.0.0.1 localhost\n${machine.address} ${machine.name}\n`);
  write('etc/machine-id', `${crypto.randomUUID().replaceAll('-', '')}\n`);
  const ssh = join(root, 'home/researcher/.ssh');
  mkdirSync(ssh, { recursive: true, mode: 0o700 });
  write('home/researcher/.ssh/authorized_keys', `${where.state.authorizedKey}\n`, 0o600);
  write('etc/local-host-name', `${machine.name}\n`);
}

/** Host keys and ownership need programs of the tree; they run in it before its first boot. */
async function makeIdentity(where: Where, machine: Machine): Promise<void> {
  const root = join(folderOf(where, machine), 'root');
  if (existsSync(join(root, 'etc/ssh/ssh_host_ed25519_key'))) return;
  for (const type of ['ed25519', 'ecdsa']) {
    await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', machine.name, '-f', join(root, `etc/ssh/ssh_host_${type}_key`)]);
  }
  await run('chroot', [root, 'chown', '-R', 'researcher:researcher', '/home/researcher/.ssh']);
}

export async function prepareMachine(where: Where, machine: Machine): Promise<void> {
  if (processesIn(groupOf(where, machine)).length > 0) return;
  await mountTree(where, machine);
  furnish(where, machine);
  await makeIdentity(where, machine);
}

/** Public host keys as OpenSSH writes them, without the comment. */
export function hostKeysOf(where: Where, machine: Machine): string[] {
  const folder = join(folderOf(where, machine), 'root/etc/ssh');
  return readdirSync(folder)
    .filter((name) => /^ssh_host_\w+_key\.pub$/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8').trim().split(' ').slice(0, 2).join(' '));
}

function boot(where: Where, machine: Machine): void {
  const folder = folderOf(where, machine);
  const link = linkOf(where.state.index, machine.number);
  const group = groupOf(where, machine);
  const nspawn = [
    'systemd-nspawn --quiet --boot --register=no --keep-unit --capability=all --console=pipe',
    `--network-namespace-path=/run/netns/${link} --machine=${machine.name}`,
    `--directory=${folder}/root --bind=${folder}/containerd:/var/lib/containerd`,
  ].join(' ');
  const joining = underSystemd() ? [] : makeCgroup(group, machine.cpus).map((file) => `echo $$ >${file}`);
  // "systemctl reboot" inside ends nspawn with 133; it is booted again.
  const lines = ['#!/bin/sh', ...joining, 'while :; do', `  ${nspawn}`, '  [ $? -eq 133 ] || break', 'done'];
  writeFileSync(join(folder, 'supervise'), `${lines.join('\n')}\n`, { mode: 0o755 });
  const log = openSync(join(folder, 'console.log'), 'w', 0o644);
  const wrap = underSystemd()
    ? [
        'systemd-run',
        '--quiet',
        '--scope',
        `--unit=${unitOf(where, machine)}`,
        '-p',
        'Delegate=yes',
        '-p',
        `CPUQuota=${Math.round(machine.cpus * 100)}%`,
      ]
    : [];
  const [program = '', ...args] = [...wrap, join(folder, 'supervise')];
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH: process.env.PATH, SYSTEMD_NSPAWN_API_VFS_WRITABLE: '1', SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE: '1' },
  });
  child.unref();
  closeSync(log);
}

async function awaitSsh(where: Where, machine: Machine): Promise<void> {
  const deadline = Date.now() + bootMs;
  while (Date.now() < deadline) {
    if (await sshAnswers(machine.address)) return;
    await delay(100);
  }
  const console = readFileSync(join(folderOf(where, machine), 'console.log'), 'utf8')
    .trim()
    .split('\n')
    .slice(-8)
    .join('\n');
  throw new LocalHostsError(
    `${machine.name} did not answer on SSH within ${bootMs / 1000} s. The end of its console:\n${console}`,
  );
}

function sshAnswers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port: 22 });
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once('data', (data) => end(data.toString('latin1').startsWith('SSH-')));
    socket.once('error', () => end(false));
    socket.once('close', () => resolve(false));
  });
}

/** Shuts a host down in order, by force after 20 s. Its state stays. */
export async function stopMachine(where: Where, machine: Machine): Promise<void> {
  const group = groupOf(where, machine);
  for (const pid of processesIn(group)) if (isNspawn(pid)) process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + stopMs;
  while (Date.now() < deadline && processesIn(group).length > 0) await delay(100);
  await cutPower(where, machine);
}

const isNspawn = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'systemd-nspawn';
  } catch {
    // It ended between listing and looking.
    return false;
  }
};

/** As if the plug was pulled: everything ends at once, nothing is written any more. The file system stays. */
export async function cutPower(where: Where, machine: Machine): Promise<void> {
  const group = groupOf(where, machine);
  await killAll(group);
  if (underSystemd()) await tryRun('systemctl', ['stop', `${unitOf(where, machine)}.scope`]);
  else removeCgroup(group);
  await removeLink(where.state, machine);
}

/** A new system on the same hardware: everything on it is gone, its host keys are new. */
export async function reImage(where: Where, machine: Machine): Promise<void> {
  await cutPower(where, machine);
  await removeTree(where, machine);
  await prepareMachine(where, machine);
  await startMachine(where, machine);
}

export async function removeTree(where: Where, machine: Machine): Promise<void> {
  const folder = folderOf(where, machine);
  // Mounts that a killed host left behind (containerd's, the overlay) go from the inside out.
  for (let attempt = 0; attempt < 50; attempt++) {
    const mounts = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .filter((path) => path === folder || path.startsWith(`${folder}/`));
    if (mounts.length === 0) break;
    for (const path of mounts.reverse()) if (!(await tryRun('umount', [path]))) await tryRun('umount', ['-l', path]);
  }
  rmSync(folder, { recursive: true, force: true });
}

export const isRunning = (where: Where, machine: Machine): boolean => processesIn(groupOf(where, machine)).length > 0;
