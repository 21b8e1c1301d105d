import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { testbedSchema } from '../../../provisioning/testbed/schema.ts';
import { TestbedFolder } from '../testbed-folder.ts';
import { tarGz } from './archive.ts';
import { type SupportOptions, supportFiles } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'mls-support-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What `tar` of this computer finds in it: text by name. */
function unpacked(archive: Buffer): Record<string, string> {
  const into = mkdtempSync(join(folder, 'unpacked-'));
  execFileSync('tar', ['-xzf', '-', '-C', into], { input: archive });
  const names = readdirSync(into, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  return Object.fromEntries(
    names.map((one) => {
      const path = join(one.parentPath ?? one.path, one.name);
      return [path.slice(into.length + 1), readFileSync(path, 'utf8')];
    }),
  );
}

test('an archive is one that tar reads, whatever the length of its files', () => {
  const files = [0, 1, 511, 512, 513, 3000].map((length) => ({ name: `s/${length}.txt`, text: 'ü'.repeat(length) }));
  expect(unpacked(tarGz(files, 0))).toEqual(Object.fromEntries(files.map(({ name, text }) => [name, text])));
  expect(() => tarGz([{ name: 'n'.repeat(101), text: '' }], 0)).toThrow(RangeError);
});

const options = (dataFolder: string, more: Partial<SupportOptions> = {}): SupportOptions => ({
  dataFolder,
  checks: { app: [{ id: 'disk', severity: 'ok', evidence: 'enough' }], testbed: [] },
  info: {
    ...{ version: '1.2.3', platform: 'linux', localHostsUnavailable: null, restored: [] },
    core: { pid: 1, node: 'v20', startedAt: 0, dataFolder },
  },
  ...{ testbeds: [{ name: 'office', kind: 'hosts', state: 'up' }], entry: null, agents: [], secretFolders: [], secrets: [] },
  ...more,
});

test('without a testbed there are checks, versions and the log; of a long one the end', async () => {
  writeFileSync(
    join(folder, 'core.log'),
    `the very first line\n${'x'.repeat(99)}\n`.concat(`${'y'.repeat(99)}\n`.repeat(10_100)),
  );
  const files = unpacked(tarGz(await supportFiles(options(folder)), 0));
  expect(Object.keys(files).sort()).toEqual([
    'README.txt',
    'checks.json',
    'checks.txt',
    'core.log',
    'testbeds.json',
    'versions.json',
  ]);
  expect(files['checks.txt']).toBe('ok disk: enough');
  expect(files['core.log']).toMatch(/^y{99}\n/);
  expect(files['core.log']).not.toContain('the very first line');
  expect(JSON.parse(files['versions.json']!)).toMatchObject({ app: '1.2.3', node: 'v20' });
});

test('an archive has none of the secrets that were seeded everywhere, and all that helps', async () => {
  const dataFolder = join(folder, 'seeded');
  const path = join(dataFolder, 'testbeds', 'office');
  const secretFolder = join(path, 'secrets');
  mkdirSync(join(path, 'runs'), { recursive: true });
  mkdirSync(secretFolder, { recursive: true });
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const keyLine = key.split('\n')[1] ?? '';
  const clientKey = Buffer.from(key).toString('base64');
  const password = 'correct "horse" battery';
  const short = 'pi4!';
  const token = 'core-token-Zm9vYmFyYmF6';
  writeFileSync(join(secretFolder, 'bus.key'), key);
  writeFileSync(join(secretFolder, 'management.kubeconfig'), `users:\n- user:\n    client-key-data: ${clientKey}\n`);
  writeFileSync(join(secretFolder, 'northbound.token'), 'nb7Qx2vT9wLr4KpE\n');
  writeFileSync(join(dataFolder, 'core.token'), token);
  const seeded = [
    `sudo: ${password}`,
    `typed ${short}.`,
    `secret: ${Buffer.from(password).toString('base64')}`,
    `GET /rpc ${token}`,
    'nats://agent:swordfish@10.0.0.1:4222 refused',
    'kubeadm join --token abcdef.0123456789abcdef',
    'northbound answered 401 to nb7Qx2vT9wLr4KpE',
    key,
    clientKey,
  ].join('\n');
  const step = { type: 'step-failed', host: 'gate', step: 'join', stderr: `${seeded}\npassword ${password}` };
  for (const run of ['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04'])
    writeFileSync(join(path, 'runs', `${run}.jsonl`), `${JSON.stringify(step)}\n`);
  writeFileSync(join(dataFolder, 'core.log'), `core 12 serves\n${seeded}\n`);
  writeFileSync(join(dataFolder, 'core.log.1'), `core 11 serves\n${seeded}\n`);
  const testbed = testbedSchema.parse({
    ...{ name: 'office', kind: 'hosts' },
    hosts: [{ name: 'gate', address: '10.0.0.1', user: 'alice', role: 'management', cluster: 'management' }],
    clusters: { management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' } },
    applications: [`MLSysOpsApp:\n  name: x\n  env: { password: ${password} }\n`],
  });
  const check = { id: 'bus', severity: 'error' as const, evidence: `refused: ${seeded}`, remedy: 'See there' };
  const files = await supportFiles(
    options(dataFolder, {
      ...{ checks: { app: [], testbed: [check] }, secretFolders: [secretFolder], secrets: [password, short] },
      entry: { testbed, folder: new TestbedFolder(path), remembered: { state: 'up', createdAt: 0, lastRun: null, doubles: [] } },
      agents: [{ name: 'gate-node.jsonl', text: `${JSON.stringify({ text: seeded })}\nbeat\n` }],
    }),
  );
  const found = unpacked(tarGz(files, 0));
  expect(Object.keys(found).sort()).toEqual([
    ...['README.txt', 'agents/gate-node.jsonl', 'checks.json', 'checks.txt', 'core.log', 'core.log.1'],
    ...['runs/2026-01-02.jsonl', 'runs/2026-01-03.jsonl', 'runs/2026-01-04.jsonl'],
    ...['testbed.yaml', 'testbeds.json', 'versions.json'],
  ]);
  const forms = [password, JSON.stringify(password).slice(1, -1), Buffer.from(password).toString('base64')];
  for (const [name, text] of Object.entries(found)) {
    for (const secret of [
      keyLine,
      clientKey,
      ...forms,
      short,
      token,
      'swordfish',
      'nb7Qx2vT9wLr4KpE',
      'abcdef.0123',
      'PRIVATE KEY',
    ])
      expect(text, name).not.toContain(secret);
  }
  expect(found['core.log']).toContain('core 12 serves');
  expect(found['core.log']).toContain('agent:•••@10.0.0.1:4222');
  expect(found['runs/2026-01-04.jsonl']).toContain('step-failed');
  expect(found['agents/gate-node.jsonl']).toContain('beat');
  expect(found['testbed.yaml']).toContain('address: 10.0.0.1');
});
