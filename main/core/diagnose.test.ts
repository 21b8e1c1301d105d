import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { diagnoseApp, supportText } from './diagnose.ts';

const folder = mkdtempSync(join(tmpdir(), 'mls-diagnose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const info = {
  ...{ version: '1', platform: 'linux', localHostsUnavailable: null },
  core: { pid: 1, node: 'v20', startedAt: 0, dataFolder: folder },
};

test('a data folder that others may look into is told, with what helps', async () => {
  const open = join(folder, 'open');
  mkdirSync(open, { mode: 0o755 });
  const checks = await diagnoseApp({ dataFolder: open, info });
  expect(checks.find(({ id }) => id === 'privacy')).toMatchObject({ severity: 'warning', remedy: `chmod 700 ${open}` });
  const missing = await diagnoseApp({ dataFolder: folder, info });
  expect(missing.find(({ id }) => id === 'privacy')).toMatchObject({ severity: 'ok' });
});

test('a support file has no secret of the log in it', async () => {
  writeFileSync(join(folder, 'core.log'), 'core 12 serves\npassword: hunter2-hunter2\nBearer abcdefghijklmnop\n');
  const text = await supportText({
    dataFolder: folder,
    checks: [{ id: 'disk', severity: 'ok', evidence: 'enough' }],
    entry: null,
  });
  expect(text).toContain('ok disk: enough');
  expect(text).toContain('core 12 serves');
  expect(text).not.toMatch(/hunter2|abcdefghijklmnop/);
});
