import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import type { Host } from '../testbed/schema.ts';
import { type Account, withAccounts } from './accounts.fixture.ts';
import { KnownHosts } from './known-hosts.ts';

/** A real sshd of this computer, for tests: private configuration, high port on loopback, lets its own key alone in. */
export interface LoopbackSshd {
  folder: string;
  host: Host;
  port: number;
  knownHosts: KnownHosts;
  /** Public host key in wire format. */
  hostKey: Buffer;
  identityFile: string;
  /** What sshd said so far. */
  log(): string;
  stop(): Promise<void>;
}

export const publicKeyOf = (file: string): Buffer => Buffer.from(readFileSync(file, 'utf8').split(' ')[1] ?? '', 'base64');

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export async function startLoopbackSshd(name = 'loopback', extra = '', accounts: Account[] = []): Promise<LoopbackSshd> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sshd-'));
  const file = (of: string): string => path.join(folder, of);
  const key = (of: string, type: string) => execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', file(of)]);
  key('host_key', 'ed25519');
  key('identity', 'ed25519');
  await writeFile(file('authorized_keys'), await readFile(file('identity.pub')));
  const port = await freePort();
  // A sshd of root insists on this folder, which a system without its own sshd running does not have.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  await writeFile(
    file('sshd_config'),
    // The first value of an option counts.
    `${extra}
ListenAddress 127.0.0.1:${port}
HostKey ${file('host_key')}
AuthorizedKeysFile ${file('authorized_keys')}
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
AllowTcpForwarding yes
`,
  );
  const sshd = ['/usr/sbin/sshd', '-D', '-e', '-f', file('sshd_config')];
  const [program = '', ...args] = accounts.length === 0 ? sshd : await withAccounts(folder, accounts, sshd);
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  for (let attempt = 0; !(await answers(port)); attempt++) {
    if (child.exitCode !== null || attempt > 100) throw new Error(`sshd did not start: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const knownHosts = new KnownHosts(file('known_hosts'));
  const hostKey = publicKeyOf(file('host_key.pub'));
  await knownHosts.add('127.0.0.1', port, hostKey);
  return {
    folder,
    port,
    host: {
      name,
      address: '127.0.0.1',
      port,
      user: userInfo().username,
      identityFile: file('identity'),
      role: 'management',
      cluster: 'management',
      labels: {},
    },
    knownHosts,
    hostKey,
    identityFile: file('identity'),
    log: () => said,
    stop: async () => {
      child.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
