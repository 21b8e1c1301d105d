import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { diagnoseApp } from './diagnose.ts';

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
