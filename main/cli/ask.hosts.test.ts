import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from 'node-pty';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoopbackSshd, startLoopbackSshd } from '../../provisioning/ssh/sshd.fixture.ts';

/** Secrets on their way from a terminal through CLI and core to a real sshd with PAM and sudo, whose accounts no other process sees. */
const root = fileURLToPath(new URL('../..', import.meta.url));
const password = 'correct horse 7 battery';
const folder = mkdtempSync(join(tmpdir(), 'mlsysops-ask-'));
const env = { ...process.env, MLSYSOPS_DATA: join(folder, 'data'), HOME: folder, SSH_AUTH_SOCK: '', NO_COLOR: '1' };
// As built before the tests: bin.mjs would look for changes each time.
const load = `import { run } from ${JSON.stringify(join(root, 'dist', 'cli', 'cli.mjs'))}; process.exitCode = await run(['', '', ...process.argv.slice(1)]);`;
const command = (args: string[]) => ['--input-type=module', '-e', load, '--', ...args];
let sshd: LoopbackSshd;

/** Without a terminal: nobody can be asked. */
function cli(...args: string[]) {
  const { status, stdout, stderr } = spawnSync('setsid', ['--wait', process.execPath, ...command(args)], {
    env,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}

/** On a terminal, where each question gets the next answer. */
function typing(answers: string[], ...args: string[]): Promise<{ status: number; screen: string; asked: number }> {
  const terminal = spawn(process.execPath, command(args), { env, cols: 120, rows: 40 });
  let screen = '';
  let asked = 0;
  let seen = 0;
  terminal.onData((text) => {
    screen += text;
    const question = /password[^\n]*: $/i.exec(screen.slice(seen));
    if (!question) return;
    seen = screen.length;
    terminal.write(`${answers[asked++] ?? '\u0004'}\r`);
  });
  return new Promise((resolve) => terminal.onExit(({ exitCode }) => resolve({ status: exitCode, screen, asked })));
}

function createTestbed(name: string, user: string): void {
  const file = join(folder, `${name}.yaml`);
  const host = { name: 'gate', address: '127.0.0.1', port: sshd.port, user, role: 'management', cluster: 'management' };
  const clusters = { management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' } };
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ name, kind: 'hosts', hosts: [host], clusters }));
  expect(cli('testbed', 'create', name, '--kind', 'hosts', '--from', file)).toMatchObject({ status: 0 });
  expect(cli('testbed', 'trust', name)).toMatchObject({ status: 5 });
  expect(cli('testbed', 'trust', name, '--all')).toMatchObject({ status: 0, stdout: expect.stringContaining('trusted now') });
}

describe('a secret', () => {
  beforeAll(async () => {
    sshd = await startLoopbackSshd('ask', 'UsePAM yes\nPasswordAuthentication yes\n', [
      { user: 'alice', password, sudo: 'ALL=(ALL) ALL' },
      { user: 'bob', password },
    ]);
  });
  afterAll(async () => {
    cli('core', 'stop');
    await sshd.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  });

  it('is asked on the terminal, again when it was wrong, shown nowhere, and not asked a second time', async () => {
    createTestbed('lab', 'alice');
    const nobody = cli('testbed', 'check', 'lab');
    expect(nobody).toMatchObject({ status: 6, stdout: expect.stringMatching(/gate\s+error\s+(authentication|sudo)/) });

    const { screen, asked } = await typing(['wrong', password, password], 'testbed', 'check', 'lab');
    expect(screen).toContain('That was not it.');
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(screen).toMatch(/\d+ fine, \d+ to look at, \d+ in the way/);
    expect(screen).not.toContain(password);

    const again = cli('testbed', 'check', 'lab', '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({
      checks: expect.arrayContaining([expect.objectContaining({ host: 'gate' })]),
    });
  });

  it('is asked before a shell is there, and is not typed into it', async () => {
    cli('core', 'stop');
    const terminal = spawn(process.execPath, command(['ssh', 'lab', 'gate']), { env, cols: 120, rows: 40 });
    let screen = '';
    let step = 0;
    terminal.onData((text) => {
      screen += text;
      const wanted = [/password[^\n]*: $/i, /[$#] $/][step];
      const answer = [password, 'echo it is $((6 * 7)); exit 3'][step];
      if (wanted === undefined || !wanted.test(screen)) return;
      step++;
      terminal.write(`${answer}\r`);
    });
    const status = await new Promise((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
    expect(status, screen).toBe(3);
    expect(screen).toContain('it is 42');
    expect(screen).not.toContain(password);
  });

  it('is in no journal, log or file of a run that was given it', async () => {
    createTestbed('other', 'bob');
    // sudo refuses bob, so that nothing of this computer is changed.
    const { status, screen } = await typing([password, password, password, password], 'testbed', 'up', 'other');
    expect(status, screen).toBe(6);
    expect(cli('testbed', 'runs', 'show', 'other')).toMatchObject({ status: 6 });
    const grep = spawnSync('grep', ['-r', '-l', '-a', '-F', password, join(folder, 'data')], { encoding: 'utf8' });
    expect(grep.stdout).toBe('');
    expect(execFileSync('grep', ['-r', '-l', '-a', '-F', '"finished"', join(folder, 'data')], { encoding: 'utf8' })).toContain(
      'other',
    );
  });
});
