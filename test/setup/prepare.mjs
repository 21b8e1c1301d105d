// Runs before `npm test`: says what is missing and, as root on Debian, installs it; then gets what tests use (Electron runtime, an old and a new kubectl).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureElectron } from './electron-runtime.mjs';
import { ensureKubectls } from './kubectls.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const cache = join(root, '.cache');

/** A program that tests start (or a file that must be there), and the Debian package that brings it. */
const needed = [
  ['mmdebstrap', 'mmdebstrap'],
  ['systemd-nspawn', 'systemd-container'],
  ['ip', 'iproute2'],
  ['nft', 'nftables'],
  ['iptables', 'iptables'],
  ['ssh', 'openssh-client'],
  ['ssh-keygen', 'openssh-client'],
  ['sshd', 'openssh-server'],
  ['zstd', 'zstd'],
  ['openssl', 'openssl'],
  ['unzip', 'unzip'],
  ['sudo', 'sudo'],
  ['ps', 'procps'],
  ['Xvfb', 'xvfb'],
  ['chromium', 'chromium'],
  ['nats-server', 'nats-server'],
  ['kubectl', 'kubernetes-client'],
  ['/usr/lib/python3/dist-packages/pandas/__init__.py', 'python3-pandas'],
];
const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
const present = (program) => existsSync(program) || folders.some((folder) => existsSync(join(folder, program)));
const missing = [...new Set(needed.filter(([program]) => !present(program)).map(([, name]) => name))];

if (missing.length > 0) {
  const line = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    process.stderr.write(`The tests need what is not here. As root, on Debian:\n  ${line}\n`);
    process.exit(1);
  }
  process.stdout.write(`Installing ${missing.join(', ')}…\n`);
  apt(['update', '-q']);
  apt(['install', '-y', '-q', '--no-install-recommends', ...missing]);
}
if (process.getuid?.() !== 0) {
  process.stderr.write('The tests make real hosts and need root for it: run them as root (sudo npm test).\n');
  process.exit(1);
}

ensureKubectls(cache);
await ensureElectron(cache);

function apt(args) {
  const result = spawnSync('apt-get', args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
    timeout: 600_000,
  });
  if (result.status === 0) return;
  process.stderr.write(`apt-get ${args.join(' ')} failed:\n${result.stdout.slice(-2000)}\n${result.stderr.slice(-2000)}\n`);
  process.exit(1);
}
