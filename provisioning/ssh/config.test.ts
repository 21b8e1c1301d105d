import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Failure } from '../run/failure.ts';
import { SshConfig } from './config.ts';
import { parseJump } from './jump.ts';
import { matchesPattern } from './patterns.ts';
import { resolveTarget } from './target.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ssh-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const { homedir: homeFolder, username } = userInfo();
const file = path.join(folder, 'config');

interface Answer {
  hostname: string;
  user: string;
  port: string;
  identitiesonly: boolean;
  identityfiles: string[];
  hostkeyalias: string | null;
  jump: unknown;
}

/** What OpenSSH's own client makes of a configuration. Its names of key files stand there as written. */
function theirs(alias: string): Answer | 'loop' | null {
  const { status, stdout, stderr } = spawnSync('ssh', ['-G', '-F', file, alias], { encoding: 'utf8' });
  if (status !== 0) return /jumphost loop/.test(stderr) ? 'loop' : null;
  const all = stdout.split('\n').map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const);
  const one = (key: string): string | null => all.find(([name]) => name === key)?.[1] ?? null;
  const files = all.filter(([name]) => name === 'identityfile').map(([, value]) => value);
  return {
    hostname: one('hostname') ?? '',
    user: one('user') ?? '',
    port: one('port') ?? '',
    identitiesonly: one('identitiesonly') === 'yes',
    // These are the ones by default.
    identityfiles: files.includes('~/.ssh/id_rsa') && files.includes('~/.ssh/id_ed25519') ? [] : [...new Set(files)],
    hostkeyalias: one('hostkeyalias'),
    jump: one('proxyjump') === null ? null : withDefaults(one('proxyjump') ?? ''),
  };
}

/** It writes out what is by default, and the brackets of addresses only where they are needed. */
const withDefaults = (jump: string) => parseJump(jump, 'x').map(({ address, port = 22, user }) => ({ address, port, user }));

function ours(config: SshConfig, alias: string): Answer {
  const answer = config.answer(alias, {});
  return {
    // OpenSSH lowers the case of names that it was not told to translate.
    hostname: (answer.hostName ?? alias).toLowerCase(),
    user: answer.user ?? username,
    port: String(answer.port ?? 22),
    identitiesonly: answer.identitiesOnly ?? false,
    identityfiles: answer.identityFiles,
    hostkeyalias: answer.hostKeyAlias ?? null,
    jump: answer.proxyJump === undefined || answer.proxyJump === 'none' ? null : withDefaults(answer.proxyJump),
  };
}

function compare(text: string, aliases: string[]): void {
  writeFileSync(file, text, { mode: 0o600 });
  for (const alias of aliases) {
    const expected = theirs(alias);
    expect(expected, `ssh refuses this configuration:\n${text}`).not.toBeNull();
    if (expected === 'loop') continue;
    expect(ours(SshConfig.parse(text, file, homeFolder), alias), `${alias} of\n${text}`).toEqual(expected);
  }
}

describe('~/.ssh/config', () => {
  it('means what ssh -G says it means: blocks, negation, quotes, Match, Include with globs, first value wins', () => {
    mkdirSync(path.join(folder, 'conf.d'), { recursive: true });
    writeFileSync(
      path.join(folder, 'conf.d', '10-a.conf'),
      'Host worker-?\n  User included\n  Port 2201\nHost *\n  IdentityFile /keys/all\n',
      { mode: 0o600 },
    );
    writeFileSync(path.join(folder, 'conf.d', '20-b.conf'), 'Match host 10.0.0.*\n  User by-address\n', { mode: 0o600 });
    writeFileSync(path.join(folder, 'conf.d', '.hidden.conf'), 'Port 1\n', { mode: 0o600 });
    const text = `# mine
IdentityFile /keys/top  # for everybody
Host worker-* !worker-9 "quoted name"
\tHostName=10.0.0.1
  IdentitiesOnly  yes
  IdentityFile "/keys/with space"
Host worker-1
  HostName ignored.example
  ProxyJump me@gate.example:2222,inner
  HostKeyAlias cluster
Host gate
  Include ${folder}/conf.d/nothing-*.conf
  HostName %h.lab.example
  Port = 2022
host Old
  ProxyCommand none
  ProxyJump gate
Match host 10.0.0.1 user ${username}
  Port 2100
Match !host 10.0.0.1 originalhost "gate,old"
  User 'o neill'
Match exec "exit 0"
Host inactive
  Include ${folder}/conf.d/*.conf
Host *
  Include ${folder}/conf.d/*.conf
  ProxyJump none
Match all
  User last
`;
    compare(text.replace('Match exec "exit 0"\n', ''), [
      'worker-1',
      'worker-2',
      'worker-9',
      'gate',
      'Old',
      'old',
      'inactive',
      'WORKER-1',
      'x',
    ]);
    const config = SshConfig.parse(text, 'config', homeFolder);
    expect(config.notes).toEqual(['config:22: "Match exec" is not evaluated here, so that nothing of that block applies']);
    expect(config.hosts().map(({ alias }) => alias)).toEqual(['quoted name', 'worker-1', 'gate', 'Old', 'inactive']);
  });

  it('means what ssh -G says it means, whatever is written', () => {
    const alias = fc.constantFrom('a', 'b', 'ab', 'gate', 'x.y');
    const pattern = fc
      .tuple(fc.constantFrom('', '', '!'), fc.constantFrom('a', 'b', 'a*', '?b', '*', 'gate', '*.y', '??'))
      .map((two) => two.join(''));
    const option = fc.oneof(
      alias.map((name) => `HostName ${name}.example`),
      fc.constantFrom('HostName %h.lab', 'HostName "10.0.0.1"', 'hostname=10.0.0.2', 'IdentitiesOnly yes', 'IdentitiesOnly no'),
      fc.integer({ min: 1, max: 65535 }).map((port) => `Port ${port}`),
      fc.constantFrom('me', 'you', 'root').map((user) => `User ${user}`),
      fc.constantFrom('/k/1', '/k/2', '"/k/3 4"').map((key) => `IdentityFile ${key}`),
      fc.constantFrom('none', 'gate', 'me@gate', 'me@gate:22,b', 'a,b:1,x.y', '[::1]:22').map((jump) => `ProxyJump ${jump}`),
      fc.constantFrom('HostKeyAlias one', '# comment', '', 'Compression yes', 'ServerAliveInterval 5'),
    );
    const block = fc.oneof(
      { weight: 3, arbitrary: fc.array(pattern, { minLength: 1, maxLength: 3 }).map((patterns) => `Host ${patterns.join(' ')}`) },
      { weight: 1, arbitrary: pattern.map((one) => `Match host ${one}`) },
      { weight: 1, arbitrary: pattern.map((one) => `Match originalhost ${one},zz user root,me`) },
      { weight: 1, arbitrary: fc.constantFrom('Match all', 'Match user me', 'Match !user me host *') },
    );
    const config = fc
      .array(fc.tuple(block, fc.array(option, { maxLength: 4 })), { minLength: 1, maxLength: 6 })
      .map((blocks) => blocks.map(([head, options]) => [head, ...options.map((one) => `  ${one}`)].join('\n')).join('\n'));
    fc.assert(
      fc.property(config, alias, (text, name) => compare(text, [name])),
      { numRuns: 120 },
    );
  }, 60_000);

  it('replaces tokens in the names of keys as ssh does', () => {
    const text =
      'Host alias\n HostName real.example\n User bob\n Port 2200\n IdentityFile ~/k/%%-%d-%h-%u-%r-%p-%n-%l-%L-%i\n IdentityFile $TERM/x\n'.replace(
        '$TERM',
        `$${'{TERM}'}`,
      );
    writeFileSync(file, text, { mode: 0o600 });
    const env = { ...process.env, TERM: 'dumb' };
    const { stderr } = spawnSync('ssh', ['-v', '-o', 'BatchMode=yes', '-o', 'ProxyCommand=false', '-F', file, 'alias'], {
      encoding: 'utf8',
      env,
    });
    const expected = [...stderr.matchAll(/identity file (.*) type -?\d+$/gm)]
      .map(([, name]) => name)
      .filter((name) => !name?.endsWith('-cert'));
    process.env.TERM = 'dumb';
    expect(SshConfig.parse(text, file, homeFolder).answer('alias', {}).identityFiles).toEqual(expected);
    expect(expected[0]).toContain(`%-${homeFolder}-real.example-${username}-bob-2200-alias-${hostname()}`);
  });

  it('says where it is wrong, and when others could have written it', () => {
    const message = (text: string, alias = 'a'): string => {
      try {
        SshConfig.parse(text, 'config', homeFolder).answer(alias, {});
      } catch (error) {
        expect(error).toMatchObject({ value: { code: 'invalid-file' } });
        return (error as Error).message;
      }
      return 'accepted';
    };
    expect(message('Host a\n Port many\n')).toContain('config:2: "many" is not a port');
    expect(message('Host "a\n')).toContain('config:1: a quotation mark is not closed');
    expect(message('Host\n')).toContain('config:1: "Host" has no value');
    expect(message('Host a\n ProxyCommand nc %h %p\n')).toContain('name the host with ProxyJump');
    expect(message('Host b\n ProxyCommand nc %h %p\n')).toBe('accepted');
    expect(message('IdentityFile ~/%z\n')).toContain('"%z" is not a token');
    writeFileSync(path.join(folder, 'circle'), `Include ${folder}/circle\n`, { mode: 0o600 });
    expect(message(`Include ${folder}/circle\n`)).toContain('in a circle?');
    const open = path.join(folder, 'open');
    writeFileSync(open, 'Host a\n');
    chmodSync(open, 0o666);
    expect(() => SshConfig.read({ user: open, system: null }, homeFolder)).toThrow(/chmod go-w/);
    expect(SshConfig.read({ user: path.join(folder, 'absent'), system: null }).hosts()).toEqual([]);
  });

  it('leads to a host: by its alias, through the jump hosts of the first hop alone', () => {
    const text = `Host gate
  HostName gate.example
  User me
  ProxyJump outer
Host outer
  HostName 192.0.2.1
  Port 2222
  IdentityFile /keys/outer
Host worker-*
  HostName %h.internal
  ProxyJump gate,inner
  HostKeyAlias known-%h
Host inner
  ProxyJump none-of-this
  ProxyCommand ssh -q -W %h:%p none-of-this
Host old
  ProxyCommand ssh -q -W %h:%p gate
Host *
  ProxyJump everybody
`;
    const options = { config: SshConfig.parse(text, 'config', homeFolder).answer, homeFolder };
    const host = { name: 'w', role: 'worker' as const, cluster: 'c', labels: {} };
    const target = resolveTarget({ ...host, address: 'worker-1' }, options);
    expect(target).toMatchObject({ address: 'worker-1.internal', port: 22, user: 'root' });
    expect(target.jump.map(({ address, port, user }) => [user, address, port])).toEqual([
      [username, 'everybody', 22],
      [username, '192.0.2.1', 2222],
      ['me', 'gate.example', 22],
      [username, 'inner', 22],
    ]);
    expect(resolveTarget({ ...host, address: 'old' }, options).jump.at(-1)).toMatchObject({
      address: 'gate.example',
      user: 'me',
    });
    expect(resolveTarget({ ...host, address: 'everybody' }, options).jump).toEqual([]);
    // The testbed file has the last word.
    expect(resolveTarget({ ...host, address: 'worker-1', user: 'ubuntu', port: 2022, jump: 'none' }, options)).toMatchObject({
      user: 'ubuntu',
      port: 2022,
      jump: [],
    });
  });

  it('survives any text with a typed failure', () => {
    const word = fc.constantFrom(
      'Host',
      'Match',
      'Include',
      'IdentityFile',
      'Port',
      '"',
      "'",
      '\\',
      '=',
      '*',
      '!',
      '%',
      '${',
      '\n',
      ' ',
      '#',
      '~',
      'a',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.array(word, { maxLength: 30 }).map((words) => words.join('')),
    );
    fc.assert(
      fc.property(text, fc.string({ maxLength: 8 }), (config, alias) => {
        try {
          const parsed = SshConfig.parse(config.replaceAll('Include', 'Included'), 'config', homeFolder);
          parsed.hosts();
          resolveTarget({ name: 'h', address: alias, role: 'worker', cluster: 'c', labels: {} }, { config: parsed.answer });
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('matches patterns as a regular expression does, also those that would keep one busy for ever', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 8 }).map((all) => all.join(''));
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b'), { maxLength: 8 }), letters, (text, pattern) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(matchesPattern(text.join(''), pattern)).toBe(expression.test(text.join('')));
      }),
    );
    expect(matchesPattern('a'.repeat(5000), `${'*a'.repeat(200)}b`)).toBe(false);
    expect(['a1', 'b1', '-1'].map((text) => matchesPattern(text, '[!b-d]?', { classes: true }))).toEqual([true, false, true]);
  });
});
