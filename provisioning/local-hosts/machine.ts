import { existsSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { boot, groupOf, underSystemd, unitOf } from './boot.ts';
import { killAll, processesIn, removeCgroup } from './cgroups.ts';
import { furnish } from './identity.ts';
import { makeLink, removeLink } from './network.ts';
import { LocalHostsError, tryRun } from './shell.ts';
import type { Machine } from './state.ts';
import { folderOf, mountTree, removeTree, type Where } from './tree.ts';

const bootMs = 60_000;
/** By then systemd-run has made the scope, or nspawn has refused. */
const firstProcessMs = 5_000;
const stopMs = 20_000;

export const isRunning = (where: Where, machine: Machine): boolean => processesIn(groupOf(where, machine)).length > 0;

/** Switches a host on, made first when it is new. Harmless when it runs already. It is up when `awaitSsh` says so. */
export async function powerOn(where: Where, machine: Machine): Promise<void> {
  await mountTree(where, machine);
  await furnish(where, machine);
  if (isRunning(where, machine)) return;
  await makeLink(where.state, machine);
  boot(where, machine);
}

/** Waits until a host's sshd answers. @throws LocalHostsError with the end of the host's console. */
export async function awaitSsh(where: Where, machine: Machine): Promise<void> {
  const started = Date.now();
  const age = () => Date.now() - started;
  while (age() < bootMs) {
    if (await sshAnswers(machine.address)) return;
    if (age() > firstProcessMs && !isRunning(where, machine)) break;
    await delay(50);
  }
  const console = join(folderOf(where, machine), 'console.log');
  const end = existsSync(console) ? readFileSync(console, 'utf8').trim().split('\n').slice(-8).join('\n') : '';
  const what = isRunning(where, machine) ? `did not answer on SSH within ${bootMs / 1000} s` : 'did not start';
  throw new LocalHostsError(`${machine.name} ${what}. The end of its console:\n${end}`);
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
  } catch (error) {
    // It ended between listing and looking.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
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
  await powerOn(where, machine);
}
