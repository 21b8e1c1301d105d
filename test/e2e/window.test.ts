import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ElectronApp, openElectron } from './app.ts';
import { typeInTerminal, visit, waitUntil } from './steps.ts';

/** What the window refuses, what reaches it from outside, and what it does when its core dies. */
describe('the window', () => {
  let app: ElectronApp;
  beforeAll(async () => {
    app = await openElectron();
    await app.page.getByTestId('start-twin').waitFor();
  });
  afterAll(() => app?.close());

  it('opens no other window, runs nothing that stands in a page, and asks for no permission', async () => {
    const { page, electron } = app;
    // Nothing may really be opened while this is looked at.
    await electron.evaluate(({ shell }) => {
      const opened: string[] = [];
      Object.assign(globalThis, { opened });
      shell.openExternal = async (url: string) => void opened.push(url);
    });
    const found = await page.evaluate(async () => {
      const violations: string[] = [];
      addEventListener('securitypolicyviolation', ({ effectiveDirective }) => violations.push(effectiveDirective));
      const inline = document.createElement('script');
      inline.textContent = 'window.wasRun = true';
      document.body.append(inline);
      // Outside of what the test itself evaluates, which the policy does not bind.
      const evaluated = await new Promise<boolean>((resolve) =>
        setTimeout(() => {
          try {
            resolve(Boolean(new Function('return true')()));
          } catch {
            resolve(false);
          }
        }),
      );
      document.body.setAttribute('style', 'color: red');
      document.body.removeAttribute('style');
      const fetched = await fetch('https://localhost:1/').then(
        () => true,
        () => false,
      );
      const frame = document.createElement('iframe');
      frame.src = 'https://localhost:1/';
      document.body.append(frame);
      const opened = [
        'https://localhost:1/',
        'http://127.0.0.1:1/',
        'file:///etc/passwd',
        'mlsysops-app://app/index.html',
        'javascript:1',
      ].map((url) => window.open(url) !== null);
      await new Promise((resolve) => setTimeout(resolve, 300));
      return {
        evaluated,
        fetched,
        opened,
        ran: 'wasRun' in window,
        node: 'process' in window || 'require' in window,
        geolocation: (await navigator.permissions.query({ name: 'geolocation' })).state,
        notifications: Notification.permission,
        violations: [...new Set(violations)].sort(),
      };
    });
    expect(found).toMatchObject({
      evaluated: false,
      fetched: false,
      opened: [false, false, false, false, false],
      ran: false,
      node: false,
      geolocation: 'denied',
      notifications: 'denied',
    });
    for (const directive of ['connect-src', 'frame-src', 'script-src-elem', 'style-src-attr'])
      expect(found.violations).toContain(directive);
    expect(page.url()).toBe('mlsysops-app://app/index.html');
    const state = await electron.evaluate(({ BrowserWindow, app: running }) => ({
      windows: BrowserWindow.getAllWindows().length,
      opened: (globalThis as unknown as { opened: string[] }).opened,
      protocol: running.isDefaultProtocolClient('mlsysops'),
    }));
    // Pages are handed to the user's own browser, and nothing else.
    expect(state).toEqual({ windows: 1, opened: ['https://localhost:1/', 'http://127.0.0.1:1/'], protocol: false });
  });

  it('has a native menu that leads to every page', async () => {
    const { page, electron } = app;
    const press = (label: string) =>
      electron.evaluate(({ Menu }, wanted) => {
        const all = Menu.getApplicationMenu()?.items.flatMap(({ submenu }) => submenu?.items ?? []) ?? [];
        all.find((item) => item.label === wanted)?.click();
      }, label);
    await press('Diagnostics');
    await page.getByRole('heading', { name: 'Diagnostics' }).waitFor();
    await press('Commands');
    await page.getByPlaceholder('Search, or run a command').waitFor();
    await page.keyboard.press('Escape');
  });

  it('is one for all who start it, and follows a link to a testbed', async () => {
    const { page } = app;
    await visit(page, 'testbeds');
    expect(await app.again('mlsysops://testbed/nobody/terminals')).toBe(0);
    await page.getByRole('heading', { name: 'Terminals' }).waitFor();
    expect(await app.again('mlsysops://testbed/nobody/../../run')).toBe(0);
    expect(await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  });

  it('that is loaded anew has its shells, with what they said before', async () => {
    const { page } = app;
    await typeInTerminal(page, 'local', 'WORD=kept-$((6*7)); echo "is $WORD"', /^is kept-42$/m);
    await page.reload();
    await visit(page, 'terminals');
    const shell = page.locator('[data-testid="terminal"][data-host="local"]').last();
    const read = () => shell.locator('.xterm-accessibility').innerText();
    await waitUntil(read, (text) => /^is kept-42$/m.test(text), 10_000, 'what was said before');
    await shell.click();
    await page.keyboard.type('echo "still $WORD"\n');
    await waitUntil(read, (text) => /^still kept-42$/m.test(text), 10_000, 'the same shell');
  });

  it('shows colours of 24 bits in a terminal although its policy allows no style in a page, and says when its core was started anew', async () => {
    const { page } = app;
    const problems: string[] = [];
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    const text = await typeInTerminal(page, 'local', `printf '\\033[38;2;1;2;3mcoloured\\033[0m-%s\\n' text`, /^coloured-text$/m);
    expect(text).toContain('coloured-text');
    const colour = page.locator('.xterm-rows span', { hasText: /^coloured$/ }).last();
    expect(await colour.evaluate((element) => getComputedStyle(element).color)).toBe('rgb(1, 2, 3)');
    expect(problems).toEqual([]);

    const pid = Number(readFileSync(join(app.dataFolder, 'core.lock'), 'utf8'));
    process.kill(pid, 'SIGKILL');
    await page.getByTestId('notice').getByText('was started again').waitFor({ timeout: 20_000 });
    await waitUntil(
      async () => Number(readFileSync(join(app.dataFolder, 'core.lock'), 'utf8')),
      (other) => other !== pid,
      20_000,
      'another core',
    );
    await typeInTerminal(page, 'local', 'echo $((6*7))-again', /42-again/);
  });

  // Last: the test's own driver goes on waiting for a page that never comes.
  it('goes nowhere else', async () => {
    const url = await app.electron.evaluate(async ({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents;
      await contents?.executeJavaScript("location.href = 'https://localhost:1/'; 0");
      await new Promise((resolve) => setTimeout(resolve, 500));
      return contents?.getURL();
    });
    expect(url).toBe('mlsysops-app://app/index.html');
  });
});
