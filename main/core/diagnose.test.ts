import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { testbedSchema } from '../../provisioning/testbed/schema.ts';
import { diagnoseApp, supportText } from './diagnose.ts';
import { TestbedFolder } from './testbed-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'mls-diagnose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const info = {
  ...{ version: '1', platform: 'linux', localHostsUnavailable: null },
  core: { pid: 1, node: 'v20', startedAt: 0, dataFolder: folder },
};

test('a data folder that others may look into is told, with what helps', async () => {
  const open = join(folder, 'open');
  mkdirSync(open, { mode: 0o755 });
  const checks = await diagnoseApp({ dataFolder: open, info, keptSecrets: null });
  expect(checks.find(({ id }) => id === 'privacy')).toMatchObject({ severity: 'warning', remedy: `chmod 700 ${open}` });
  const missing = await diagnoseApp({ dataFolder: folder, info, keptSecrets: 2 });
  expect(missing.find(({ id }) => id === 'privacy')).toMatchObject({ severity: 'ok' });
});

test('a support file has no secret of the log in it', async () => {
  writeFileSync(join(folder, 'core.log'), 'core 12 serves\npassword: hunter2-hunter2\nBearer abcdefghijklmnop\n');
  const text = await supportText({
    dataFolder: folder,
    checks: [{ id: 'disk', severity: 'ok', evidence: 'enough' }],
    ...{ entry: null, secretFolders: [], secrets: [] },
  });
  expect(text).toContain('ok disk: enough');
  expect(text).toContain('core 12 serves');
  expect(text).not.toMatch(/hunter2|abcdefghijklmnop/);
});

test('a support file has none of the secrets that were seeded everywhere, and all that helps', async () => {
  const dataFolder = join(folder, 'seeded');
  const path = join(dataFolder, 'testbeds', 'office');
  const secretFolder = join(path, 'secrets');
  mkdirSync(join(path, 'runs'), { recursive: true });
  mkdirSync(secretFolder, { recursive: true });
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const keyLine = key.split('\n')[1] ?? '';
  const clientKey = Buffer.from(key).toString('base64');
  const password = 'correct "horse" battery';
  const token = 'core-token-Zm9vYmFyYmF6';
  writeFileSync(join(secretFolder, 'bus.key'), key);
  writeFileSync(join(secretFolder, 'management.kubeconfig'), `users:\n- user:\n    client-key-data: ${clientKey}\n`);
  writeFileSync(join(secretFolder, 'northbound.token'), 'nb7Qx2vT9wLr4KpE\n');
  writeFileSync(join(dataFolder, 'core.token'), token);
  const step = { type: 'step-failed', host: 'gate', step: 'join', stderr: `${key}password ${password}\n${clientKey}` };
  writeFileSync(join(path, 'runs', '2026-01-01.jsonl'), `${JSON.stringify(step)}\n`);
  writeFileSync(
    join(dataFolder, 'core.log'),
    [
      'core 12 serves',
      `sudo: ${password}`,
      `secret: ${Buffer.from(password).toString('base64')}`,
      `GET /rpc ${token}`,
      'nats://agent:swordfish@10.0.0.1:4222 refused',
      'kubeadm join --token abcdef.0123456789abcdef',
      'northbound answered 401 to nb7Qx2vT9wLr4KpE',
    ].join('\n'),
  );
  const testbed = testbedSchema.parse({
    ...{ name: 'office', kind: 'hosts' },
    hosts: [{ name: 'gate', address: '10.0.0.1', user: 'alice', role: 'management', cluster: 'management' }],
    clusters: { management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' } },
  });
  const text = await supportText({
    ...{ dataFolder, checks: [], secretFolders: [secretFolder], secrets: [password] },
    entry: { testbed, folder: new TestbedFolder(path), remembered: { state: 'up', createdAt: 0, lastRun: null, doubles: [] } },
  });
  for (const seeded of [
    keyLine,
    clientKey,
    password,
    JSON.stringify(password).slice(1, -1),
    token,
    'swordfish',
    'nb7Qx2vT9wLr4KpE',
  ])
    expect(text).not.toContain(seeded);
  expect(text).not.toContain(Buffer.from(password).toString('base64'));
  expect(text).not.toMatch(/abcdef\.0123|PRIVATE KEY/);
  for (const needed of ['core 12 serves', 'gate', 'step-failed', 'agent:•••@10.0.0.1:4222', 'northbound answered 401'])
    expect(text).toContain(needed);
});
