import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** An account that only a sshd of a test knows: in a mount namespace of its own, with its own passwd, shadow, PAM and sudoers. */
export interface Account {
  user: string;
  password: string;
  /** A rule of sudoers, e.g. "ALL=(ALL) ALL" (asks for the password); none: sudo refuses. */
  sudo?: string;
}

const firstUid = 61_234;

/** @returns the command that starts `command` where these accounts are */
export async function withAccounts(folder: string, accounts: readonly Account[], command: string[]): Promise<string[]> {
  const file = (name: string): string => path.join(folder, name);
  const mounts: [string, string][] = [];
  const put = async (target: string, text: string, mode: number) => {
    const source = file(target.replaceAll('/', '_'));
    await writeFile(source, text, { mode });
    await chmod(source, mode);
    mounts.push([source, target]);
  };
  const lines = (text: string[]): string => text.map((line) => `${line}\n`).join('');
  const hash = (password: string): string =>
    execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: password, encoding: 'utf8' }).trim();
  const root = lines(['root:x:0:0:root:/root:/bin/sh', 'sshd:x:100:65534::/run/sshd:/usr/sbin/nologin']);
  const uids = accounts.map((_account, index) => firstUid + index);
  for (const [index, { user }] of accounts.entries()) {
    const home = file(`home-${user}`);
    await mkdir(path.join(home, '.ssh'), { recursive: true, mode: 0o755 });
    await writeFile(path.join(home, '.ssh', 'authorized_keys'), await readFile(file('authorized_keys')));
    await chown(home, uids[index] ?? 0, uids[index] ?? 0);
  }
  await chmod(folder, 0o755);
  await put(
    '/etc/passwd',
    root + lines(accounts.map(({ user }, at) => `${user}:x:${uids[at]}:${uids[at]}::${file(`home-${user}`)}:/bin/sh`)),
    0o644,
  );
  await put(
    '/etc/group',
    lines(['root:x:0:', 'nogroup:x:65534:', ...accounts.map(({ user }, at) => `${user}:x:${uids[at]}:`)]),
    0o644,
  );
  await put(
    '/etc/shadow',
    lines(['root:*:19000:0:99999:7:::', ...accounts.map(({ user, password }) => `${user}:${hash(password)}:19000:0:99999:7:::`)]),
    0o640,
  );
  const pam = 'auth required pam_unix.so nodelay\naccount required pam_permit.so\nsession required pam_permit.so\n';
  await put('/etc/pam.d/sshd', pam, 0o644);
  await put('/etc/pam.d/sudo', pam, 0o644);
  await put(
    '/etc/sudoers',
    lines([
      'Defaults !lecture',
      'root ALL=(ALL) ALL',
      ...accounts.flatMap(({ user, sudo }) => (sudo ? [`${user} ${sudo}`] : [])),
    ]),
    0o440,
  );
  const mount = mounts.map(([from, to]) => `mount --bind '${from}' '${to}'`).join(' && ');
  return ['unshare', '-m', '--propagation', 'private', '/bin/sh', '-c', `${mount} && exec "$@"`, 'sh', ...command];
}
