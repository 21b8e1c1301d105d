import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createContractClient } from '../../main/contract/client.ts';
import { attachCore } from '../../main/transport/attach.ts';
import { clientChannel } from '../../main/transport/web-socket-channel.ts';
import { type LoopbackSshd, startLoopbackSshd } from '../../provisioning/ssh/sshd.fixture.ts';
import { type App, openBrowser, root } from './app.ts';
import { inBothThemes, visit, waitUntil } from './steps.ts';

const password = 'correct horse 9 battery';

/** A host of a real sshd that lets in by password alone, reached from the window with nothing but clicks and what is typed. */
describe('a host that asks for a password', () => {
  let app: App;
  let sshd: LoopbackSshd;
  beforeAll(async () => {
    sshd = await startLoopbackSshd('window', 'UsePAM yes\nPasswordAuthentication yes\n', [
      { user: 'alice', password, sudo: 'ALL=(ALL) ALL' },
    ]);
    app = await openBrowser({ SSH_AUTH_SOCK: '' });
    // As the window does where the computer has a keychain: here, the key is this test's.
    const socket = await attachCore({ dataFolder: app.dataFolder, distFolder: join(root, 'dist'), env: process.env });
    await createContractClient(clientChannel(socket)).call('secrets.unlock', { key: randomBytes(32).toString('base64') });
    socket.close();
  });
  afterAll(async () => {
    await app?.close();
    await sshd?.stop();
  });

  it('has its key accepted, is asked again after a wrong one, and is planned for', async () => {
    const { page } = app;
    await page.getByTestId('create-hosts').click();
    await page.getByTestId('hosts-name').fill('office');
    const host = {
      name: 'gate',
      address: '127.0.0.1',
      port: sshd.port,
      user: 'alice',
      role: 'management',
      cluster: 'management',
    };
    const clusters = { management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' } };
    await page.getByTestId('hosts-file').fill(JSON.stringify({ name: 'office', kind: 'hosts', hosts: [host], clusters }));
    await page.getByTestId('hosts-create').click();
    await page.getByTestId('trust-gate').click();
    await page.getByTestId('host-keys').getByText('All keys are known.').waitFor();

    await page.getByTestId('run-plan').click();
    const secret = page.getByTestId('secret');
    await secret.waitFor();
    expect(await secret.getAttribute('type')).toBe('password');
    await inBothThemes(page, (theme) => app.screenshot(`secret-${theme}`));
    await secret.fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('That was not it.').waitFor();
    await page.getByTestId('secret-keep').check();
    // First of the account, then, where it is another question, of sudo.
    const planned = page.getByTestId('plan-table');
    await waitUntil(
      async () => {
        if (await secret.isVisible()) {
          await secret.fill(password);
          await page.getByTestId('secret-keep').check();
          await page.keyboard.press('Enter');
        }
        return planned.count();
      },
      (count) => count > 0,
      60_000,
      'the plan',
    );
    expect(await planned.innerText()).toContain('gate');

    // What was right is not asked for again.
    await page.getByTestId('run-check').click();
    const checked = page.getByTestId('check-table');
    await checked.waitFor({ timeout: 60_000 });
    expect(await checked.innerText()).toMatch(/fit|in the way/);
    await inBothThemes(page, (theme) => app.screenshot(`check-${theme}`));
  });

  it('counts what is kept, and forgets it', async () => {
    const { page } = app;
    await visit(page, 'diagnostics');
    await page.getByText(/[12] kept, encrypted by this computer’s keychain/).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder('Search, or run a command').fill('Forget kept passwords');
    await page.keyboard.press('Enter');
    await page.getByTestId('look-again').click();
    await page.getByText('0 kept, encrypted by this computer’s keychain').waitFor();
  });

  it('has its password in no file', () => {
    const grep = spawnSync('grep', ['-r', '-l', '-a', '-F', password, app.dataFolder], { encoding: 'utf8' });
    expect(grep.stdout).toBe('');
  });
});
