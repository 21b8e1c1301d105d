import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SshPool } from './pool.ts';
import type { SecretRequest } from './secrets.ts';
import { type LoopbackSshd, startLoopbackSshd } from './sshd.fixture.ts';

/** Passwords, keys and interactive sign-in on real sshds with PAM and sudo, whose accounts no other process sees. */
let byPassword: LoopbackSshd;
let interactive: LoopbackSshd;
let twice: LoopbackSshd;
let folder: string;
const password = 'correct "horse\\ $battery';
const accounts = [
  { user: 'alice', password, sudo: 'ALL=(ALL) ALL' },
  { user: 'bob', password },
  { user: 'carol', password, sudo: 'ALL=(ALL) NOPASSWD: ALL' },
];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sign-in-'));
  [byPassword, interactive, twice] = await Promise.all([
    startLoopbackSshd('by-password', 'UsePAM yes\nPasswordAuthentication yes\n', accounts),
    startLoopbackSshd('interactive', 'UsePAM yes\nKbdInteractiveAuthentication yes\n', accounts),
    startLoopbackSshd(
      'twice',
      'UsePAM yes\nKbdInteractiveAuthentication yes\nAuthenticationMethods publickey,keyboard-interactive\nMaxAuthTries 3\n',
      accounts,
    ),
  ]);
});
afterAll(async () => {
  await Promise.all([byPassword, interactive, twice].map((sshd) => sshd.stop()));
  await rm(folder, { recursive: true, force: true });
});

/** A person who gives these answers, one after the other, then none. */
function person(...answers: string[]) {
  const asked: SecretRequest[] = [];
  const ask = (request: SecretRequest) => {
    asked.push(request);
    return Promise.resolve(answers[asked.length - 1] ?? null);
  };
  return { asked, ask };
}
const pools: SshPool[] = [];
afterAll(() => Promise.all(pools.map((pool) => pool.close())));
function poolFor(sshd: LoopbackSshd, how: object): SshPool {
  const pool = new SshPool({ knownHosts: sshd.knownHosts, agent: null, homeFolder: folder, ...how });
  pools.push(pool);
  return pool;
}
const as = (sshd: LoopbackSshd, user: string, identityFile?: string) => ({ ...sshd.host, user, identityFile });

describe('signing in', () => {
  it.each([
    ['the plain method', () => byPassword],
    ['keyboard-interactive', () => interactive],
  ])('with a password by %s: asked again when it was wrong, then never more in that run', async (_how, sshd) => {
    const { asked, ask } = person('wrong', password);
    const pool = poolFor(sshd(), { ask });
    const host = as(sshd(), 'carol');
    expect((await pool.execute(host, 'id -u; echo "$LOGNAME"')).stdout).toContain('0\n');
    expect(asked).toMatchObject([
      { kind: 'password', host: sshd().host.name, user: 'carol', echo: false, attempt: 1 },
      { kind: 'password', attempt: 2 },
    ]);
    (await pool.connect(host)).close();
    await pool.execute(host, 'true');
    expect(asked).toHaveLength(2);
  });

  it('says what is wrong when no password is right, after three, and asks anew at the next try', async () => {
    for (const sshd of [byPassword, interactive]) {
      const { asked, ask } = person('wrong', 'wronger', 'wrongest', password);
      const pool = poolFor(sshd, { ask });
      const failure = await pool.connect(as(sshd, 'alice')).catch((error: { value: unknown }) => error.value);
      expect(failure).toMatchObject({
        code: 'authentication',
        cause: expect.stringMatching(/alice@127.0.0.1 did not let us in.*not accepted/),
        remedy: expect.stringMatching(/give (the password|what it asks for)/i),
      });
      expect(JSON.stringify(failure)).not.toContain('wronger');
      expect(asked).toHaveLength(3);
      await pool.connect(as(sshd, 'alice'));
    }
    const silent = poolFor(interactive, { ask: () => Promise.resolve(null) });
    await expect(silent.connect(as(interactive, 'alice'))).rejects.toMatchObject({
      value: {
        code: 'authentication',
        cause: expect.stringContaining('it asks "Password:", and no answer was given'),
      },
    });
    await expect(poolFor(byPassword, {}).connect(as(byPassword, 'alice'))).rejects.toMatchObject({
      value: { code: 'authentication', remedy: expect.stringContaining('ssh-copy-id') },
    });
  });

  it('with a key and then what else the host wants, also when an agent has the key', async () => {
    const other = path.join(folder, 'other');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
    const byFile = person(password);
    await poolFor(twice, { ask: byFile.ask }).connect(as(twice, 'carol', twice.identityFile));
    expect(byFile.asked.map(({ kind }) => kind)).toEqual(['password']);
    await withAgent([twice.identityFile, other], async (agent) => {
      const byAgent = person('wrong', password);
      await poolFor(twice, { agent, ask: byAgent.ask }).connect(as(twice, 'carol'));
      expect(byAgent.asked.map(({ kind, attempt }) => [kind, attempt])).toEqual([
        ['password', 1],
        ['password', 2],
      ]);
    });
  });

  it('with keys of each type, plain, behind a passphrase in both formats, or in an agent', async () => {
    const types: [string, string[]][] = [
      ['ed25519', ['-t', 'ed25519']],
      ['rsa', ['-t', 'rsa', '-b', '2048']],
      ['ecdsa-256', ['-t', 'ecdsa', '-b', '256']],
      ['ecdsa-521', ['-t', 'ecdsa', '-b', '521']],
    ];
    const files: string[] = [];
    const authorized = path.join(byPassword.folder, 'authorized_keys');
    for (const [name, how] of types) {
      const file = path.join(folder, name);
      execFileSync('ssh-keygen', ['-q', ...how, '-N', '', '-f', file]);
      await appendFile(authorized, await readFile(`${file}.pub`));
      files.push(file, await lockedCopy(file, `${file}-locked`, []));
    }
    files.push(await lockedCopy(path.join(folder, 'rsa'), path.join(folder, 'rsa-pem-locked'), ['-m', 'PEM']));
    // Its public key is told by the file itself, or not at all.
    await rm(path.join(folder, 'ed25519-locked.pub'));
    await rm(path.join(folder, 'rsa-pem-locked.pub'));
    for (const file of files) {
      const { asked, ask } = person('open sesame');
      const pool = poolFor(byPassword, { ask });
      await pool.connect({ ...byPassword.host, identityFile: file });
      expect(asked.map(({ kind, file: of }) => [kind, of])).toEqual(file.endsWith('-locked') ? [['passphrase', file]] : []);
    }
    await withAgent(
      files.filter((file) => !file.endsWith('-locked')),
      async (agent, keep) => {
        const { asked, ask } = person();
        // Of an agent with many keys the named one comes first, or alone.
        const locked = path.join(folder, 'rsa-locked');
        const config = () => ({ identityFiles: [], identitiesOnly: true });
        await keep([path.join(folder, 'rsa')]);
        await poolFor(byPassword, { agent, ask }).connect({ ...byPassword.host, identityFile: undefined });
        await expect(
          poolFor(byPassword, { agent, config }).connect({ ...byPassword.host, identityFile: undefined }),
        ).rejects.toMatchObject({
          value: { code: 'authentication', cause: expect.stringContaining('no key, agent or password to try') },
        });
        expect(asked).toEqual([]);
        await expect(
          poolFor(byPassword, { agent: null, ask }).connect({ ...byPassword.host, identityFile: locked }),
        ).rejects.toMatchObject({
          value: { code: 'authentication', remedy: expect.stringContaining(`ssh-add ${locked}`) },
        });
      },
    );
  });

  it('asks for a passphrase once for all hosts, and only where the host would take the key', async () => {
    const locked = path.join(folder, 'unwanted');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'open sesame', '-a', '1', '-f', locked]);
    const { asked, ask } = person();
    await expect(poolFor(byPassword, { ask }).connect({ ...byPassword.host, identityFile: locked })).rejects.toMatchObject({
      value: { code: 'authentication' },
    });
    expect(asked.filter(({ kind }) => kind === 'passphrase')).toEqual([]);
    for (const sshd of [byPassword, interactive])
      await appendFile(path.join(sshd.folder, 'authorized_keys'), await readFile(`${locked}.pub`));
    const once = person('open sesame');
    await interactive.knownHosts.add('127.0.0.1', byPassword.port, byPassword.hostKey);
    const known = poolFor(interactive, { ask: once.ask });
    await Promise.all([byPassword, interactive].map((sshd) => known.connect({ ...sshd.host, identityFile: locked })));
    expect(once.asked).toHaveLength(1);
  });

  it('of an agent that is gone or has too many keys says so', async () => {
    const identityFile = undefined;
    await expect(
      poolFor(byPassword, { agent: path.join(folder, 'no-agent') }).connect({ ...byPassword.host, identityFile }),
    ).rejects.toMatchObject({
      value: {
        code: 'authentication',
        cause: expect.stringContaining('cannot be asked'),
        remedy: expect.stringContaining('ssh-agent'),
      },
    });
    const many = Array.from({ length: 4 }, (_, index) => path.join(folder, `many-${index}`));
    for (const file of many) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    await withAgent(many, async (agent) => {
      await expect(poolFor(twice, { agent }).connect({ ...twice.host, identityFile })).rejects.toMatchObject({
        value: {
          code: 'authentication',
          cause: expect.stringContaining('too many'),
          remedy: expect.stringContaining('identityFile'),
        },
      });
    });
  });
});

describe('becoming root', () => {
  it('takes the password of the login where sudo wants the same, without asking again', async () => {
    const { asked, ask } = person(password);
    const pool = poolFor(byPassword, { ask });
    const host = as(byPassword, 'alice');
    const results = await Promise.all([1, 2, 3].map((nth) => pool.execute(host, `id -u; echo ${nth}`)));
    expect(results.map(({ stdout }) => stdout)).toEqual(['0\n1\n', '0\n2\n', '0\n3\n']);
    expect(asked.map(({ kind }) => kind)).toEqual(['password']);
  });

  it('asks for another one up to three times, once for all scripts, also after the connection was lost', async () => {
    const key = byPassword.identityFile;
    const { asked, ask } = person('wrong', password);
    const pool = poolFor(byPassword, { ask });
    const host = as(byPassword, 'alice', key);
    const results = await Promise.all([1, 2, 3].map((nth) => pool.execute(host, `id -u; echo ${nth}`)));
    expect(results.map(({ stdout }) => stdout)).toEqual(['0\n1\n', '0\n2\n', '0\n3\n']);
    (await pool.connect(host)).close();
    expect((await pool.execute(host, 'id -u')).stdout).toBe('0\n');
    expect(asked.map(({ kind, attempt }) => [kind, attempt])).toEqual([
      ['sudo', 1],
      ['sudo', 2],
    ]);
    const stubborn = person('1', '2', '3', '4');
    await expect(poolFor(byPassword, { ask: stubborn.ask }).execute(host, 'true')).rejects.toMatchObject({
      value: { code: 'sudo', remedy: expect.stringContaining('NOPASSWD') },
    });
    expect(stubborn.asked).toHaveLength(3);
  });

  it('says so where nobody may become root', async () => {
    const host = as(byPassword, 'bob', byPassword.identityFile);
    await expect(
      poolFor(byPassword, { ask: person(password, password, password).ask }).execute(host, 'true'),
    ).rejects.toMatchObject({
      value: { code: 'sudo', cause: expect.stringContaining('bob is not in the sudoers file') },
    });
  });
});

/** The key once more, behind a passphrase. One round: how slow it is to try passphrases is not what is tested. */
async function lockedCopy(file: string, copy: string, format: string[]): Promise<string> {
  await writeFile(copy, await readFile(file), { mode: 0o600 });
  await writeFile(`${copy}.pub`, await readFile(`${file}.pub`));
  execFileSync('ssh-keygen', ['-q', '-p', ...format, '-a', '1', '-P', '', '-N', 'open sesame', '-f', copy]);
  return copy;
}

/** A real ssh-agent with these keys; `keep` leaves it with these alone. */
async function withAgent(
  keys: string[],
  work: (socket: string, keep: (keys: string[]) => Promise<void>) => Promise<void>,
): Promise<void> {
  const socket = path.join(folder, `agent-${Math.random().toString(36).slice(2)}`);
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(agent.stdout, 'data');
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  const keep = async (chosen: string[]) => {
    execFileSync('ssh-add', ['-q', '-D'], { env, stdio: 'ignore' });
    execFileSync('ssh-add', ['-q', ...chosen], { env, stdio: 'ignore' });
    await Promise.resolve();
  };
  try {
    await keep(keys);
    await work(socket, keep);
  } finally {
    agent.kill();
    await once(agent, 'exit');
  }
}
