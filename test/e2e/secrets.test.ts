import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoopbackSshd, startLoopbackSshd } from '../../provisioning/ssh/sshd.fixture.ts';
import { type App, openBrowser } from './app.ts';
import { inBothThemes, visit, waitUntil } from './steps.ts';

const password = 'correct horse 9 battery';
/** A browser has no keychain: this guards what is kept. */
const passphrase = 'four words of mine';

/** A host of a real sshd that lets in by password alone, reached from the window with nothing but clicks and what is typed. */
describe('a host that asks for a password', () => {
  let app: App;
  let sshd: LoopbackSshd;
  beforeAll(async () => {
    sshd = await startLoopbackSshd('window', 'UsePAM yes\nPasswordAuthentication yes\n', [
      { user: 'alice', password, sudo: 'ALL=(ALL) ALL' },
    ]);
    app = await openBrowser({ SSH_AUTH_SOCK: '' });
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
    // First of the account, then the passphrase twice, and, where it is another question, of sudo.
    const planned = page.getByTestId('plan-table');
    await waitUntil(
      async () => {
        if (await secret.isVisible()) {
          const dialog = page.getByRole('alertdialog');
          const ofVault = (await dialog.getAttribute('aria-label'))?.includes('kept passwords') ?? false;
          await secret.fill(ofVault ? passphrase : password);
          if (!ofVault) await page.getByTestId('secret-keep').check();
          if (ofVault) await app.screenshot('secret-passphrase');
          const prompt = await dialog.innerText();
          await page.keyboard.press('Enter');
          // The same question is not answered twice.
          await waitUntil(
            async () => (await dialog.allInnerTexts()).join(),
            (text) => text !== prompt,
            20_000,
            'the next question',
          );
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

  it('has a service opened in the browser by one click', async () => {
    const { page } = app;
    const served = createServer((_request, response) => response.end('served by the host'));
    served.listen(0, '127.0.0.1');
    await once(served, 'listening');
    const address = served.address();
    try {
      await visit(page, 'terminals');
      await page.getByTestId('services-open').click();
      const button = page.getByTestId(`forward-gate:${typeof address === 'object' && address ? address.port : 0}`);
      await button.waitFor();
      await inBothThemes(page, (theme) => app.screenshot(`services-${theme}`));
      const [opened] = await Promise.all([page.context().waitForEvent('page'), button.click()]);
      await opened.getByText('served by the host').waitFor();
      await opened.close();
      await page.getByTestId('forward-link').waitFor();
      await page.getByRole('button', { name: /^Stop forwarding gate/ }).click();
      await page.getByTestId('forward-link').waitFor({ state: 'detached' });
    } finally {
      served.closeAllConnections();
      served.close();
    }
  });

  it('counts what is kept, and forgets it', async () => {
    const { page } = app;
    await visit(page, 'diagnostics');
    await page.getByText(/[12] kept, encrypted by your passphrase/).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder('Search, or run a command').fill('Forget kept passwords');
    await page.keyboard.press('Enter');
    await page.getByTestId('look-again').click();
    await page.getByText('0 kept, encrypted by your passphrase').waitFor();
  });

  it('has its password in no file', () => {
    for (const secret of [password, passphrase]) {
      const grep = spawnSync('grep', ['-r', '-l', '-a', '-F', secret, app.dataFolder], { encoding: 'utf8' });
      expect(grep.stdout).toBe('');
    }
  });
});
