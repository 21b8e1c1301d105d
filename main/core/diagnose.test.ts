import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { testbedSchema } from '../../provisioning/testbed/schema.ts';
import { diagnoseApp, diagnoseTestbed } from './diagnose.ts';
import { Testbeds } from './testbeds.ts';

const folder = mkdtempSync(join(tmpdir(), 'mls-diagnose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const info = {
  ...{ version: '1', platform: 'linux', localHostsUnavailable: null, restored: [] },
  core: { pid: 1, node: 'v20', startedAt: 0, dataFolder: folder },
};

test('a data folder that others may look into is told, with what helps', async () => {
  const open = join(folder, 'open');
  mkdirSync(open, { mode: 0o755 });
  const checks = await diagnoseApp({ dataFolder: open, info, secrets: { kept: 0, locked: true, guard: 'none' } });
  expect(checks.find(({ id }) => id === 'privacy')).toMatchObject({
    severity: 'warning',
    remedy: `Make it yours alone: chmod 700 ${open}`,
    action: { kind: 'make-private' },
  });
  const missing = await diagnoseApp({ dataFolder: folder, info, secrets: { kept: 2, locked: false, guard: 'keychain' } });
  expect(missing.find(({ id }) => id === 'privacy')).toMatchObject({ severity: 'ok' });
});

test('a testbed that has failed is an error, with the last words there were, until it is in another state', async () => {
  const testbeds = await Testbeds.open(join(folder, 'testbeds'), () => {});
  const entry = await testbeds.add('field', [], async () =>
    testbedSchema.parse({
      name: 'field',
      kind: 'twin',
      hosts: [
        { name: 'hub', address: '10.0.0.1', role: 'management', cluster: 'management' },
        { name: 'm-1', address: '10.0.0.2', role: 'master', cluster: 'cluster1' },
      ],
    }),
  );
  const state = async () => (await diagnoseTestbed(entry, null, async () => [])).find(({ id }) => id === 'state');
  expect(await state()).toMatchObject({ severity: 'warning', evidence: 'the testbed is new, not up' });
  await testbeds.update('field', { state: 'failed', trouble: 'it ended by itself: out of memory' });
  expect(await state()).toMatchObject({
    severity: 'error',
    evidence: 'the testbed has failed: it ended by itself: out of memory',
    action: { kind: 'set-up' },
  });
  await testbeds.update('field', { state: 'up' });
  await testbeds.update('field', { state: 'failed' });
  expect((await state())?.evidence).toBe('the testbed has failed: its last run says where');
});
