import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fingerprintOf, KnownHosts } from './known-hosts.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'known-hosts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const inFolder = (name: string): string => path.join(folder, name);

function makeKey(name: string, type: string): { key: Buffer; line: string } {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', inFolder(name)]);
  const line = readFileSync(`${inFolder(name)}.pub`, 'utf8').trim();
  return { key: Buffer.from(line.split(' ')[1] ?? '', 'base64'), line };
}
const ed25519 = makeKey('ed25519', 'ed25519');
const ecdsa = makeKey('ecdsa', 'ecdsa');
const other = makeKey('other', 'ed25519');
const rsa = makeKey('rsa', 'rsa');

/** What OpenSSH's own tool finds for a host. */
const found = (file: string, host: string): string[] =>
  spawnSync('ssh-keygen', ['-F', host, '-f', file], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(' ').slice(1).join(' ').trim());

describe('known_hosts', () => {
  it('means the same hosts as ssh-keygen -F: plain, several, globs, negated, ports, hashed, revoked', async () => {
    const file = inFolder('plain');
    writeFileSync(
      file,
      `# a comment

alpha,10.0.0.1 ${ed25519.line}
[beta]:2222 ${ed25519.line}
*.lab.example,!evil.lab.example ${ecdsa.line}
10.1.0.? ${rsa.line}
broken line
alpha ssh-ed25519 not-a-key
@revoked gamma ${other.line}
gamma ${ed25519.line}
`,
    );
    const hashed = inFolder('hashed');
    // It refuses to hash a file with broken lines.
    writeFileSync(hashed, readFileSync(file, 'utf8').replace(/^broken.*\n|^.*not-a-key\n/gm, ''));
    execFileSync('ssh-keygen', ['-q', '-H', '-f', hashed], { stdio: 'ignore' });
    const hosts: [string, number][] = [
      ['alpha', 22],
      ['ALPHA', 22],
      ['alpha', 2222],
      ['10.0.0.1', 22],
      ['beta', 2222],
      ['beta', 22],
      ['one.lab.example', 22],
      ['evil.lab.example', 22],
      ['10.1.0.7', 22],
      ['10.1.0.77', 22],
      ['nowhere', 22],
    ];
    for (const place of [file, hashed]) {
      const known = new KnownHosts(place);
      for (const [host, port] of hosts) {
        const spelt = port === 22 ? host.toLowerCase() : `[${host}]:${port}`;
        const theirs = found(place, spelt).filter((line) => !line.includes('not-a-key'));
        const ours = (await known.keysOf(host, port)).map(({ type, key }) => `${type} ${key.toString('base64')}`);
        expect(ours, `${place} ${spelt}`).toEqual(theirs);
      }
    }
    const known = new KnownHosts(file);
    const states = await Promise.all([
      known.check('alpha', 22, ed25519.key),
      known.check('alpha', 22, other.key),
      // Known by another algorithm alone: not a first contact.
      known.check('alpha', 22, ecdsa.key),
      known.check('nowhere', 22, ed25519.key),
      known.check('gamma', 22, other.key),
      known.check('gamma', 22, ed25519.key),
    ]);
    expect(states).toEqual(['known', 'changed', 'changed', 'new', 'revoked', 'known']);
  });

  it('adds and replaces keys as OpenSSH would find them, in a private file, many at once', async () => {
    const file = inFolder('deep/er/own');
    const known = new KnownHosts(file);
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => known.add(`host-${index}`, index % 2 ? 22 : 2200 + index, ed25519.key)),
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(found(file, 'host-3')).toEqual([ed25519.line]);
    expect(found(file, '[host-4]:2204')).toEqual([ed25519.line]);
    await known.replace('host-3', 22, other.key);
    expect(found(file, 'host-3')).toEqual([other.line]);
    expect(await known.check('host-3', 22, ed25519.key)).toBe('changed');
    await known.remove('host-3', 22);
    expect(found(file, 'host-3')).toEqual([]);
    expect(found(file, 'host-5')).toEqual([ed25519.line]);
  });

  it('takes a host out of a line that names others, and keeps comments and revocations', async () => {
    const file = inFolder('shared');
    writeFileSync(file, `# mine\nalpha,beta ${ed25519.line}\n@revoked alpha ${other.line}\n`);
    const known = new KnownHosts(file);
    await known.replace('alpha', 22, rsa.key);
    expect(found(file, 'beta')).toEqual([ed25519.line]);
    expect(await known.check('alpha', 22, rsa.key)).toBe('known');
    expect(await known.check('alpha', 22, other.key)).toBe('revoked');
    expect(readFileSync(file, 'utf8')).toContain('# mine\n');
  });

  it('lets its own file decide over files that it only reads', async () => {
    const user = inFolder('user');
    writeFileSync(user, `alpha ${ed25519.line}\nbeta ${ed25519.line}\n`);
    const known = new KnownHosts(inFolder('own'), { alsoRead: [user, inFolder('absent')] });
    expect(await known.check('alpha', 22, ed25519.key)).toBe('known');
    await known.replace('alpha', 22, other.key);
    expect(await known.check('alpha', 22, ed25519.key)).toBe('changed');
    expect(await known.check('beta', 22, ed25519.key)).toBe('known');
    expect(readFileSync(user, 'utf8')).toBe(`alpha ${ed25519.line}\nbeta ${ed25519.line}\n`);
  });

  it('prints fingerprints as ssh-keygen -l does', () => {
    const printed = execFileSync('ssh-keygen', ['-lf', `${inFolder('rsa')}.pub`], { encoding: 'utf8' });
    expect(printed).toContain(` ${fingerprintOf(rsa.key)} `);
  });
});
