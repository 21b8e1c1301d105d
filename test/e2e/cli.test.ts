import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from './app.ts';

const folder = mkdtempSync(join(tmpdir(), 'mlsysops-cli-'));
const env = { ...process.env, MLSYSOPS_DATA: join(folder, 'data') };
const cli = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'main', 'cli', 'bin.mjs'), ...args], {
    env,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, stdout, stderr };
};
const create = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return cli('testbed', 'create', 'lab', '--kind', 'hosts', '--from', file);
};

describe('mlsysops-cli', () => {
  afterAll(() => {
    cli('core', 'stop');
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  });

  it('names file, line, column, key and the nearest known one, in one sentence', () => {
    const { status, stderr } = create(
      'testbed.yaml',
      'name: lab\nkind: hosts\nhosts:\n  - name: a\n    adress: 10.0.0.1\n    role: management\n    cluster: management\nclusters: {}\n',
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/testbed\.yaml:5:5.*"adress".*"address"/);
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
  });

  it('says where an inventory is malformed', () => {
    const { status, stderr } = create(
      'inventory.yml',
      'all:\n  children:\n    management_cluster:\n      hosts: {m: {ansible_host: 10.0.0.1\n',
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/inventory\.yml:\d+:\d+/);
  });

  it('says what it does not know', () => {
    expect(cli('testbed', 'up', 'nowhere')).toMatchObject({ status: 3, stderr: expect.stringContaining('nowhere') });
    expect(cli('testbed', 'frobnicate')).toMatchObject({ status: 2 });
    expect(cli('testbed', 'up', 'nowhere', '--plan', join(folder, 'testbed.yaml'))).toMatchObject({ status: 2 });
  });

  it('takes a testbed from an inventory to its verbs, and says what cannot be', () => {
    const inventory = join(folder, 'lab.yml');
    writeFileSync(
      inventory,
      `all:
  children:
    management_cluster:
      hosts: {m: {ansible_host: 127.0.0.1, ansible_port: 1}}
`,
    );
    const file = join(folder, 'lab.yaml');
    expect(cli('testbed', 'import', '--inventory', inventory, '--name', 'lab', '--out', file)).toMatchObject({ status: 0 });
    expect(cli('testbed', 'create', 'lab', '--kind', 'hosts', '--from', file)).toMatchObject({ status: 0 });
    expect(cli('__complete', 'testbed', 'reset', 'lab', '--host', '')).toMatchObject({ status: 0, stdout: 'm\n' });
    // Nothing listens there.
    expect(cli('testbed', 'check', 'lab')).toMatchObject({ status: 4, stdout: expect.stringMatching(/m\s+error\s+unreachable/) });
    expect(cli('testbed', 'remove-host', 'lab', 'm')).toMatchObject({
      status: 10,
      stdout: expect.stringContaining('management'),
    });
    const { status, stdout } = cli('testbed', 'runs', 'show', 'lab', '--json');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(status).toBe(10);
    expect(events.at(-1)).toMatchObject({ type: 'finished', state: 'failed' });
    // What was refused has changed nothing: it is as new, and may go.
    expect(JSON.parse(cli('testbed', 'list', '--json').stdout)).toMatchObject([{ name: 'lab', state: 'new' }]);
    expect(cli('testbed', 'remove', 'lab')).toMatchObject({ status: 0 });
  });
});
