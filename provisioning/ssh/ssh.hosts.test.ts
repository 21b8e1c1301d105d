import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { algorithmsFor } from './algorithms.ts';
import { reportHostKeys, trustHostKey } from './host-keys.ts';
import { fingerprintOf, KnownHosts } from './known-hosts.ts';
import { SshPool } from './pool.ts';
import type { SecretRequest } from './secrets.ts';
import { freePort, type LoopbackSshd, publicKeyOf, startLoopbackSshd } from './sshd.fixture.ts';

let sshd: LoopbackSshd;
let pool: SshPool;
const options = () => ({ knownHosts: sshd.knownHosts, agent: null });

beforeAll(async () => {
  sshd = await startLoopbackSshd('loopback', 'MaxSessions 10\n');
  pool = new SshPool(options());
});
afterAll(async () => {
  await pool.close();
  await sshd.stop();
});

describe('connecting', () => {
  it('says what is wrong and what helps: closed port, wrong key, unknown and changed host key', async () => {
    const failure = (over: object, knownHosts = sshd.knownHosts) =>
      new SshPool({ knownHosts, agent: null })
        .connect({ ...sshd.host, ...over })
        .catch((error: { value: unknown }) => error.value);
    expect(await failure({ port: await freePort() })).toMatchObject({
      code: 'unreachable',
      cause: expect.stringContaining('nothing listens'),
      remedy: expect.stringContaining('ssh -p'),
    });
    const wrong = path.join(sshd.folder, 'wrong');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', wrong]);
    expect(await failure({ identityFile: wrong })).toMatchObject({
      code: 'authentication',
      remedy: expect.stringContaining('ssh-copy-id'),
    });
    expect(await failure({ identityFile: '/nowhere' })).toMatchObject({
      code: 'authentication',
      cause: expect.stringContaining('ENOENT'),
    });
    const fingerprint = fingerprintOf(sshd.hostKey);
    const empty = new KnownHosts(path.join(sshd.folder, 'empty'));
    expect(await failure({}, empty)).toMatchObject({ code: 'host-key-unknown', hostKey: { fingerprint } });
    const changed = new KnownHosts(path.join(sshd.folder, 'changed'));
    await changed.add(sshd.host.address, sshd.port, publicKeyOf(`${wrong}.pub`));
    expect(await failure({}, changed)).toMatchObject({
      code: 'host-key-changed',
      hostKey: { fingerprint, was: fingerprintOf(publicKeyOf(`${wrong}.pub`)) },
    });
    const reported = await reportHostKeys([sshd.host], { knownHosts: changed, agent: null });
    expect(reported).toMatchObject([{ host: 'loopback', state: 'changed', fingerprint }]);
    await expect(trustHostKey(sshd.host, 'SHA256:another', { knownHosts: changed, agent: null })).rejects.toMatchObject({
      value: { code: 'host-key-changed' },
    });
    await trustHostKey(sshd.host, fingerprint, { knownHosts: changed, agent: null });
    const trusted = new SshPool({ knownHosts: changed, agent: null });
    await trusted.connect(sshd.host);
    await trusted.close();
  });

  it('asks for the passphrase of an encrypted key, again when it was wrong', async () => {
    const encrypted = path.join(sshd.folder, 'encrypted');
    await writeFile(encrypted, await readFile(sshd.identityFile), { mode: 0o600 });
    execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', encrypted]);
    const asked: SecretRequest[] = [];
    const answers = ['no', 'open sesame'];
    const ask = (request: SecretRequest) => {
      asked.push(request);
      return Promise.resolve(answers[asked.length - 1] ?? null);
    };
    const asking = new SshPool({ ...options(), ask });
    await asking.connect({ ...sshd.host, identityFile: encrypted });
    await asking.close();
    expect(asked.map(({ kind, attempt }) => [kind, attempt])).toEqual([
      ['passphrase', 1],
      ['passphrase', 2],
    ]);
    const silent = new SshPool(options());
    await expect(silent.connect({ ...sshd.host, identityFile: encrypted })).rejects.toMatchObject({
      value: { code: 'authentication', remedy: expect.stringContaining('ssh-add') },
    });
  });

  it('offers only ciphers that the runtime has, and prefers algorithms of known keys', () => {
    expect(algorithmsFor(['ssh-rsa'], ['aes-128-gcm', 'aes-256-ctr'])).toMatchObject({
      cipher: ['aes128-gcm@openssh.com', 'aes256-ctr'],
      serverHostKey: ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519', expect.any(String), expect.any(String), expect.any(String)],
    });
  });
});

describe('executing', () => {
  it('gives output, errors, exit code and the time on the host', async () => {
    const result = await pool.execute(sshd.host, 'printf "a\\nb"; echo wrong >&2; sleep 0.1; exit 3');
    expect(result).toMatchObject({ code: 3, stdout: 'a\nb', stderr: 'wrong\n' });
    expect(result.hostMs).toBeGreaterThanOrEqual(90);
    expect((await pool.execute(sshd.host, 'echo line')).stdout).toBe('line\n');
    expect((await pool.execute(sshd.host, 'cat; id -u')).stdout).toBe('0\n');
    // Parsed as a whole: what is broken at its end has not begun.
    expect(await pool.execute(sshd.host, 'echo begun; if')).toMatchObject({ code: 2, stdout: '' });
  });

  it('shows no part of a script on a command line or in an environment', async () => {
    const secret = `planted-${randomBytes(8).toString('hex')}`;
    const look = `for process in /proc/[0-9]*; do tr '\\0' ' ' <$process/cmdline; tr '\\0' ' ' <$process/environ; done 2>/dev/null | grep -c '${secret.slice(0, -2)}[^]]' || :`;
    const { stdout } = await pool.execute(
      sshd.host,
      `kept='${secret}'\n${look.replace(secret.slice(0, -2), `${secret.slice(0, 4)}''${secret.slice(4, -2)}`)}\n: "$kept"`,
    );
    // grep's own command line is the one place that has it.
    expect(Number(stdout)).toBeLessThanOrEqual(1);
  });

  it('ends what takes too long or is cancelled, on the host too', async () => {
    await expect(pool.execute(sshd.host, 'sleep 987654', { timeoutMs: 300 })).rejects.toMatchObject({ value: { code: 'step' } });
    expect(spawnSync('pgrep', ['-f', 'sleep 98765[4]']).stdout.toString()).toBe('');
    const controller = new AbortController();
    const running = pool.execute(sshd.host, 'echo here; sleep 1', {
      signal: controller.signal,
      onOutput: () => controller.abort(),
    });
    await expect(running).rejects.toMatchObject({ value: { code: 'cancelled' } });
  });

  it('runs many scripts at once within the sessions that sshd allows', async () => {
    const many = await Promise.all(Array.from({ length: 25 }, (_, index) => pool.execute(sshd.host, `echo ${index}`)));
    expect(many.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 25 }, (_, index) => index));
  });
});

describe('moving', () => {
  it('transfers a file once, in one piece, and knows when it is there', async () => {
    const content = randomBytes(3_000_000);
    const localPath = path.join(sshd.folder, 'large');
    const target = path.join(sshd.folder, "deep/er/it's large");
    await writeFile(localPath, content);
    const file = { source: localPath, path: target, mode: '0640', sha256: createHash('sha256').update(content).digest('hex') };
    const progress: number[] = [];
    expect(await pool.transfer(sshd.host, file, { onProgress: (sent) => progress.push(sent) })).toBe(content.length);
    expect(progress.at(-1)).toBe(content.length);
    expect((await readFile(target)).equals(content)).toBe(true);
    expect((await stat(target)).mode & 0o777).toBe(0o640);
    expect(await pool.transfer(sshd.host, file)).toBe(0);
    await expect(pool.transfer(sshd.host, { ...file, path: `${target}2`, sha256: 'ab' })).rejects.toMatchObject({
      value: { stderr: expect.stringContaining('not what was sent') },
    });
  });

  it('forwards a port as seen from the host', async () => {
    const server = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address() as { port: number };
    const forwarding = await pool.forward(sshd.host, '127.0.0.1', address.port);
    expect(await (await fetch(`http://127.0.0.1:${forwarding.port}/`)).text()).toBe('hello');
    forwarding.close();
    server.close();
  });

  it('gives a terminal: both ways, resized, paused, with its exit code', async () => {
    const shell = await pool.shell(sshd.host, { columns: 80, rows: 24 });
    let seen = '';
    const said = (text: string) =>
      new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          if (!seen.includes(text)) return;
          clearInterval(timer);
          resolve();
        }, 10);
      });
    shell.onData((data) => {
      seen += data.toString('utf8');
    });
    const exited = new Promise<number | null>((resolve) => shell.onExit(resolve));
    shell.resize({ columns: 111, rows: 33 });
    shell.write('stty size; echo done-$((20 + 22))\n');
    await said('done-42');
    expect(seen).toContain('33 111');
    shell.pause();
    shell.resume();
    shell.write('exit 7\n');
    expect(await exited).toBe(7);
  });
});
