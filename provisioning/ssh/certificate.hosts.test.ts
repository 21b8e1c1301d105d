import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { certificateProblem } from './host-certificate.ts';
import { KnownHosts } from './known-hosts.ts';
import { SshPool } from './pool.ts';
import { type LoopbackSshd, publicKeyOf, startLoopbackSshd } from './sshd.fixture.ts';

let sshd: LoopbackSshd;
let folder: string;
const file = (name: string): string => path.join(folder, name);
const authorities = ['ed25519', 'ecdsa', 'rsa'];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'certificate-'));
  for (const type of authorities) execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', file(`ca-${type}`)]);
  execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', file('host')]);
  sign('ed25519', 'served', '-h', '-n', '127.0.0.1,other.example', '-V', '+1d');
  // Of its two keys only the second has a certificate.
  await copyFile(file('served-cert.pub'), file('host-cert.pub'));
  sshd = await startLoopbackSshd('certified', `HostKey ${file('host')}\nHostCertificate ${file('host-cert.pub')}\n`);
});
afterAll(async () => {
  await sshd.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Signed by OpenSSH's own tool: the host's key under another name. */
function sign(authority: string, name: string, ...how: string[]): Buffer {
  execFileSync('cp', [file('host.pub'), file(`${name}.pub`)]);
  execFileSync('ssh-keygen', ['-q', '-s', file(`ca-${authority}`), '-I', name, ...how, file(`${name}.pub`)], { stdio: 'ignore' });
  return publicKeyOf(file(`${name}-cert.pub`));
}

async function connectWith(knownHosts: string): Promise<unknown> {
  const place = file(`known-${Math.random().toString(36).slice(2)}`);
  await writeFile(place, knownHosts);
  const pool = new SshPool({ knownHosts: new KnownHosts(place), agent: null });
  const outcome = await pool.execute(sshd.host, 'echo in').then(
    ({ stdout }) => stdout,
    (error: { value: unknown }) => error.value,
  );
  await pool.close();
  return outcome;
}
const publicOf = async (type: string) => (await readFile(file(`ca-${type}.pub`), 'utf8')).trim();

it('lets in by a certificate of an authority that known_hosts names for this host, and by no other', async () => {
  const ca = await publicOf('ed25519');
  const name = `[127.0.0.1]:${sshd.port}`;
  expect(await connectWith(`@cert-authority ${name} ${ca}\n`)).toBe('in\n');
  expect(await connectWith(`@cert-authority *.example,[127.*]:* ${ca}\n`)).toBe('in\n');
  const unknown = { code: 'host-key-unknown' };
  expect(await connectWith(`@cert-authority *.example ${ca}\n`)).toMatchObject(unknown);
  expect(await connectWith(`${name} ${ca}\n`)).toMatchObject({ code: 'host-key-changed' });
  expect(await connectWith(`@cert-authority ${name} ${await publicOf('rsa')}\n`)).toMatchObject({
    ...unknown,
    cause: expect.stringContaining('its authority is not one that known_hosts names'),
  });
  expect(await connectWith(`@cert-authority ${name} ${ca}\n@revoked ${name} ${ca}\n`)).toMatchObject({
    ...unknown,
    cause: expect.stringContaining('has been revoked'),
  });
  const key = (await readFile(file('host.pub'), 'utf8')).trim();
  expect(await connectWith(`@cert-authority ${name} ${ca}\n@revoked * ${key}\n@revoked ${name} ${key}\n`)).toMatchObject({
    code: 'host-key-changed',
    cause: expect.stringContaining('revoked'),
  });
});

it('takes certificates of each kind of authority, and none that is wrong in anything', () => {
  const key = publicKeyOf(file('host.pub'));
  const keys = authorities.map((type) => publicKeyOf(file(`ca-${type}.pub`)));
  const judge = (data: Buffer, over: Partial<Parameters<typeof certificateProblem>[1]> = {}) =>
    certificateProblem(data, { key, host: 'lab', authorities: keys, revoked: [], now: Date.now() / 1000, ...over });
  for (const type of authorities) expect(judge(sign(type, `good-${type}`, '-h', '-n', 'lab', '-V', '+1d'))).toBeNull();
  const good = sign('rsa', 'good', '-h', '-n', 'lab', '-V', '+1d');
  expect(judge(good, { host: 'other' })).toContain('it is for lab, not for other');
  expect(judge(good, { key: keys[0] ?? key })).toContain('another key');
  expect(judge(good, { now: Date.now() / 1000 + 100_000 })).toContain('not valid any more');
  expect(judge(good, { now: 1000 })).toContain('not valid yet');
  expect(judge(sign('rsa', 'user', '-n', 'lab'))).toContain('not one for hosts');
  expect(judge(sign('rsa', 'everybody', '-h'))).toContain('it is for no name');
  expect(judge(sign('rsa', 'sha1', '-h', '-n', 'lab', '-t', 'ssh-rsa'))).toContain('signature');
  for (const type of authorities) {
    const signed = sign(type, `changed-${type}`, '-h', '-n', 'lab', '-V', '+1d');
    fc.assert(
      fc.property(fc.nat(signed.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, flip, cut) => {
        const changed = cut ? signed.subarray(0, at) : Buffer.from(signed);
        if (!cut) changed[at] = (changed[at] ?? 0) ^ flip;
        expect(judge(changed)).not.toBeNull();
      }),
      { numRuns: 100 },
    );
  }
});
