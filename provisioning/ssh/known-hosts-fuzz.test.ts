import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { KnownHosts, keyTypeOf } from './known-hosts.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'known-hosts-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, 'known_hosts');
const keys = ['a', 'b', 'c'].map((name) => {
  execFileSync('ssh-keygen', ['-q', '-t', name === 'c' ? 'ecdsa' : 'ed25519', '-N', '', '-C', '', '-f', path.join(folder, name)]);
  return readFileSync(path.join(folder, `${name}.pub`), 'utf8').trim();
});
const wire = (line: string): Buffer => Buffer.from(line.split(' ')[1] ?? '', 'base64');

/** What OpenSSH's own tool finds: marker and key of each line that means the host. */
const theirs = (spelt: string): string[] =>
  spawnSync('ssh-keygen', ['-F', spelt, '-f', file], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const words = line.trim().split(/\s+/);
      const marker = words[0]?.startsWith('@') ? words.shift() : '';
      return [marker, words[1], words[2]].join(' ').trim();
    })
    .sort();

async function ours(host: string, port: number): Promise<string[]> {
  const known = new KnownHosts(file);
  const { authorities, revoked } = await known.authoritiesOf(host, port);
  const spell = (marker: string) => (key: Buffer) => `${marker} ${keyTypeOf(key)} ${key.toString('base64')}`.trim();
  const plain = (await known.keysOf(host, port)).map(({ key }) => key);
  return [...plain.map(spell('')), ...authorities.map(spell('@cert-authority')), ...revoked.map(spell('@revoked'))].sort();
}

const host = fc.constantFrom('alpha', 'beta', 'a.lab', 'b.lab', '10.0.0.1', '10.0.0.12', '::1', 'x');
const port = fc.constantFrom(22, 22, 2222, 2200);
const name = fc.oneof(
  host,
  fc.constantFrom(
    '*',
    'ALPHA',
    '*.lab',
    '?.LAB',
    '10.0.0.?',
    '10.*',
    '[alpha]:2222',
    '[*]:2222',
    '[10.0.0.*]:22??',
    '[a.lab]:22',
    '',
    'a*a*p*a',
  ),
);
const names = fc
  .array(
    fc.tuple(fc.constantFrom('', '', '', '!'), name).map((two) => two.join('')),
    { minLength: 1, maxLength: 3 },
  )
  .map((all) => all.join(','))
  .filter((all) => all !== '' && !all.startsWith('|') && !all.startsWith('#'));
const marker = fc.constantFrom('', '', '', '@revoked ', '@cert-authority ');
const line = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(marker, names, fc.constantFrom(' ', '\t', '  '), fc.constantFrom(...keys)).map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: fc.constantFrom('', '# comment', '   # alpha ssh-ed25519 AAAA') },
);

it('means the hosts that ssh-keygen -F means, whatever is written, also when it is hashed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 6 }), host, port, fc.boolean(), async (lines, one, at, hashed) => {
      writeFileSync(file, lines.map((text) => `${text}\n`).join(''));
      if (hashed) spawnSync('ssh-keygen', ['-q', '-H', '-f', file]);
      const spelt = at === 22 ? one : `[${one}]:${at}`;
      expect(await ours(one, at), `${spelt} in\n${readFileSync(file, 'utf8')}`).toEqual(theirs(spelt));
    }),
    { numRuns: 60 },
  );
}, 60_000);

it('trusts nothing that is not written, whatever else is: no crash, no hang, no wrong trust', async () => {
  const [trusted = '', stranger = ''] = keys;
  let replaced = 0;
  const junk = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.tuple(names, fc.string({ maxLength: 20 })).map(([hosts, key]) => `${hosts} ssh-ed25519 ${key}`),
    names.map((hosts) => `${hosts} ecdsa-sha2-nistp256 ${trusted.split(' ')[1]}`),
    names.map((hosts) => `${hosts} ${trusted}`),
    fc.constantFrom(
      `@unknown alpha ${stranger}`,
      `@cert-authority * ${stranger}`,
      `|1|x|y ${stranger}`,
      `|1| ${stranger}`,
      `|2|a|b ${stranger}`,
    ),
    fc.constant(`${'*a'.repeat(2000)}b ${stranger}`),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(junk, { maxLength: 8 }), host, port, async (lines, one, at) => {
      writeFileSync(file, lines.join('\n'));
      const known = new KnownHosts(file);
      expect(await known.check(one, at, wire(stranger))).not.toBe('known');
      writeFileSync(file, [...lines, `@revoked * ${trusted}`, `@revoked [*]:* ${trusted}`].map((text) => `\n${text}`).join(''));
      expect(await known.check(one, at, wire(trusted))).toBe('revoked');
      // Replacing one host's key leaves it with that one, and keeps revocations. It waits for the disk: a few times are enough.
      if (++replaced > 8) return;
      await known.replace(one, at, wire(stranger));
      expect(await known.check(one, at, wire(stranger))).toBe('known');
      expect(await known.check(one, at, wire(trusted))).toBe('revoked');
    }),
    { numRuns: 50 },
  );
}, 60_000);
