import { createHash } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Host } from '../testbed/schema.ts';
import { replaceHostKey, reportHostKeys, trustHostKey } from './host-keys.ts';
import { fingerprintOf, KnownHosts } from './known-hosts.ts';
import { SshPool } from './pool.ts';
import { type LoopbackSshd, startLoopbackSshd } from './sshd.fixture.ts';

let gate: LoopbackSshd;
let inner: LoopbackSshd;
let target: LoopbackSshd;
let closed: LoopbackSshd;
const all = () => [gate, inner, target, closed];

beforeAll(async () => {
  [gate, inner, target, closed] = await Promise.all([
    startLoopbackSshd('gate'),
    startLoopbackSshd('inner'),
    startLoopbackSshd('worker-1'),
    startLoopbackSshd('closed', 'DisableForwarding yes\n'),
  ]);
});
afterAll(() => Promise.all(all().map((sshd) => sshd.stop())));

const hop = (sshd: LoopbackSshd) => ({ address: '127.0.0.1', port: sshd.port, identityFile: sshd.identityFile });
const behind = (...hops: LoopbackSshd[]): Host => ({ ...target.host, jump: hops.map(hop) });
const logins = (sshd: LoopbackSshd): number => sshd.log().split('Accepted publickey').length - 1;

async function knowing(name: string, ...known: LoopbackSshd[]): Promise<KnownHosts> {
  const knownHosts = new KnownHosts(path.join(gate.folder, name));
  for (const sshd of known) await knownHosts.add('127.0.0.1', sshd.port, sshd.hostKey);
  return knownHosts;
}

describe('a host behind jump hosts', () => {
  it('is reached through all of them, and one connection to a jump host serves all hosts behind it', async () => {
    const pool = new SshPool({ knownHosts: await knowing('all', gate, inner, target), agent: null });
    const hosts = [behind(gate, inner), { ...behind(gate, inner), name: 'worker-2' }, { ...behind(gate), name: 'worker-3' }];
    const results = await Promise.all(hosts.map((host) => pool.execute(host, 'echo "$SSH_CONNECTION"; echo "$PPID"')));
    for (const { stdout } of results) expect(stdout).toContain(` 127.0.0.1 ${target.port}\n`);
    // Twice to the target: by way of gate and inner, and by way of gate alone.
    expect([gate, inner, target].map(logins)).toEqual([1, 1, 2]);
    const content = Buffer.alloc(2_000_000, 'jump');
    const sha256 = createHash('sha256').update(content).digest('hex');
    const file = { source: content, path: path.join(target.folder, 'sent'), mode: '0600', sha256 };
    expect(await pool.transfer(behind(gate, inner), file)).toBe(content.length);
    await pool.close();
  });

  it('is trusted one after the other, each by its own name: first contact, then a declared re-image', async () => {
    const knownHosts = await knowing('none');
    const options = { knownHosts, agent: null };
    const host = behind(gate, inner);
    const trusted: (string | undefined)[] = [];
    for (let round = 0; round < 3; round++) {
      const [report] = await reportHostKeys([host], options);
      expect(report?.state).toBe('new');
      trusted.push(report?.jumpHost === undefined ? 'itself' : report.fingerprint);
      await expect(new SshPool(options).connect(host)).rejects.toMatchObject({
        value: { code: 'host-key-unknown', host: 'worker-1', hostKey: { fingerprint: report?.fingerprint } },
      });
      await trustHostKey(host, report?.fingerprint ?? '', options);
    }
    expect(trusted).toEqual([fingerprintOf(gate.hostKey), fingerprintOf(inner.hostKey), 'itself']);
    expect(await reportHostKeys([host], options)).toMatchObject([{ state: 'known', fingerprint: fingerprintOf(target.hostKey) }]);

    // The host was installed anew, and another one has its address: nothing goes on but by saying so.
    await knownHosts.replace('127.0.0.1', target.port, inner.hostKey);
    await expect(new SshPool(options).connect(host)).rejects.toMatchObject({ value: { code: 'host-key-changed' } });
    await expect(replaceHostKey(host, options, 'SHA256:another')).rejects.toMatchObject({ value: { code: 'host-key-changed' } });
    expect(await replaceHostKey(host, options)).toMatchObject({
      fingerprint: fingerprintOf(target.hostKey),
      was: fingerprintOf(inner.hostKey),
    });
    const pool = new SshPool(options);
    await pool.connect(host);
    await pool.close();
  });

  it('says which hop is wrong, and what helps', async () => {
    const knownHosts = await knowing('some', gate, target, closed);
    const failure = (jump: Host['jump']) =>
      new SshPool({ knownHosts, agent: null })
        .connect({ ...target.host, jump })
        .then(() => null)
        .catch((error: { value: unknown }) => error.value);
    expect(await failure([hop(closed)])).toMatchObject({
      code: 'unreachable',
      host: 'worker-1',
      remedy: expect.stringContaining('AllowTcpForwarding'),
    });
    expect(await failure([hop(gate), { ...hop(inner), port: 1 }])).toMatchObject({
      cause: expect.stringContaining('the jump host 127.0.0.1 cannot reach 127.0.0.1 port 1'),
    });
    expect(await failure([{ ...hop(gate), identityFile: target.identityFile }])).toMatchObject({
      code: 'authentication',
      host: 'worker-1',
      cause: expect.stringContaining('the jump host 127.0.0.1'),
    });
    expect(await failure('me@gate:99999')).toMatchObject({ cause: '"me@gate:99999" is not a jump host' });
    const pool = new SshPool({ knownHosts, agent: null, config: () => ({ identityFiles: [], proxyJump: 'a,b' }) });
    await expect(pool.connect(target.host)).rejects.toMatchObject({ value: { cause: expect.stringContaining('circle') } });
  });
});
