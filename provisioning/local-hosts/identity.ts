import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { resolvConf } from './name-servers.ts';
import { LocalHostsError, run } from './shell.ts';
import type { Machine } from './state.ts';
import { rootOf, type Where } from './tree.ts';

export const user = 'researcher';
const certificates = '/etc/ssl/certs/ca-certificates.crt';

/** What makes a tree this host: name, address, keys. A host that was furnished before keeps its identity; whom it lets in is renewed each time. */
export async function furnish(where: Where, machine: Machine): Promise<void> {
  const root = rootOf(where, machine);
  // Anew rather than over: what is there may be a link that points out of the tree.
  const write = (path: string, content: string, mode = 0o644) => {
    rmSync(join(root, path), { force: true });
    writeFileSync(join(root, path), content, { mode });
    chmodSync(join(root, path), mode);
  };
  write('etc/resolv.conf', resolvConf());
  // HTTPS is trusted as on this computer, a company's own authority included.
  if (existsSync(certificates)) {
    rmSync(join(root, certificates), { force: true });
    cpSync(realpathSync(certificates), join(root, certificates));
  }
  const ssh = `home/${user}/.ssh`;
  mkdirSync(join(root, ssh), { recursive: true, mode: 0o700 });
  write(`${ssh}/authorized_keys`, `${where.state.authorizedKey}\n`, 0o600);
  const [uid, gid] = ownerIn(root);
  for (const path of [ssh, `${ssh}/authorized_keys`]) chownSync(join(root, path), uid, gid);

  // The mark comes last: a host whose making was interrupted is furnished again.
  if (existsSync(join(root, 'etc/local-host-name'))) return;
  write('etc/hostname', `${machine.name}\n`);
  write('etc/hosts', `127.0.0.1 localhost\n${machine.address} ${machine.name}\n`);
  write('etc/machine-id', `${crypto.randomUUID().replaceAll('-', '')}\n`);
  for (const type of ['ed25519', 'ecdsa']) {
    const key = join(root, `etc/ssh/ssh_host_${type}_key`);
    for (const part of [key, `${key}.pub`]) rmSync(part, { force: true });
    await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', machine.name, '-f', key]);
  }
  write('etc/local-host-name', `${machine.name}\n`);
}

function ownerIn(root: string): [uid: number, gid: number] {
  const line = new RegExp(`^${user}:[^:]*:(\\d+):(\\d+):`, 'm').exec(readFileSync(join(root, 'etc/passwd'), 'utf8'));
  if (!line) throw new LocalHostsError(`the base system has no user "${user}"`);
  return [Number(line[1]), Number(line[2])];
}

/** Public host keys as OpenSSH writes them, without the comment. */
export function hostKeysOf(where: Where, machine: Machine): string[] {
  const folder = join(rootOf(where, machine), 'etc/ssh');
  return readdirSync(folder)
    .filter((name) => /^ssh_host_\w+_key\.pub$/.test(name))
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8').trim().split(' ').slice(0, 2).join(' '));
}
