import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type ElectronApplication, _electron as electron, type Page } from 'playwright-core';
import { askCore, stopCore } from '../../main/transport/attach.ts';
import { startDisplay } from './display.ts';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const chromiumArguments =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

export interface App {
  page: Page;
  dataFolder: string;
  /** Runs mlsysops-cli against the same core. */
  cli(...args: string[]): string;
  /** Where screenshots go: the folder of MLSYSOPS_SCREENSHOTS (npm run screenshots), else a folder that is removed. */
  screenshot(name: string): Promise<void>;
  close(): Promise<void>;
}

/** A new data folder with a core of its own. */
function environment(extra: Record<string, string>) {
  const dataFolder = mkdtempSync(join(tmpdir(), 'mlsysops-e2e-'));
  const env: Record<string, string> = { ...(process.env as Record<string, string>), MLSYSOPS_DATA: dataFolder, ...extra };
  return {
    dataFolder,
    env,
    cli: (...args: string[]) =>
      execFileSync(process.execPath, [join(root, 'main', 'cli', 'bin.mjs'), ...args], {
        env,
        encoding: 'utf8',
        timeout: 240_000,
      }),
    async remove() {
      await stopCore(dataFolder).catch((error: NodeJS.ErrnoException) => {
        // It was ending by itself.
        if (error.code !== 'ECONNRESET') throw error;
      });
      rmSync(dataFolder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
    },
  };
}

const screenshotsOf = (page: Page) => async (name: string) => {
  const folder = process.env.MLSYSOPS_SCREENSHOTS;
  if (!folder) {
    await page.screenshot();
    return;
  }
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
};

/** With the main process, and how to start the app a second time. */
export interface ElectronApp extends App {
  electron: ElectronApplication;
  /** Starts the app again with these arguments; its exit code. */
  again(...args: string[]): Promise<number | null>;
}

/** The app in real Electron on a display of its own. */
export async function openElectron(extra: Record<string, string> = {}): Promise<ElectronApp> {
  const world = environment(extra);
  const display = await startDisplay();
  const dist = process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(root, '.cache', 'electron');
  const executablePath = join(dist, 'electron');
  // Root has no sandbox of Chromium's own; an ordinary user has.
  const args = [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    '--disable-gpu',
    `--user-data-dir=${join(world.dataFolder, 'electron')}`,
    root,
  ];
  const env = { ...world.env, DISPLAY: display.name };
  const app = await electron.launch({ executablePath, args, env, cwd: root });
  const exited = once(app.process(), 'exit');
  const page = await app.firstWindow();
  return {
    page,
    electron: app,
    again: (...more) =>
      new Promise((resolve, reject) => {
        const second = spawn(executablePath, [...args, ...more], { env, cwd: root, stdio: 'ignore' });
        second.once('error', reject);
        second.once('exit', resolve);
      }),
    dataFolder: world.dataFolder,
    cli: world.cli,
    screenshot: screenshotsOf(page),
    async close() {
      // The driver waits for the end of the app's output, too, which it does not read to its end.
      await Promise.race([app.close(), exited]);
      display.stop();
      await world.remove();
    },
  };
}

/** The same app in Chromium, served by the core on loopback. */
export async function openBrowser(extra: Record<string, string> = {}): Promise<App> {
  const world = environment(extra);
  // Any command starts the core.
  world.cli('testbed', 'list');
  const { url } = await askCore(world.dataFolder, '/web?port=0');
  if (!url) throw new Error('the core opened no browser server');
  const browser: Browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: chromiumArguments.split(' ') });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(url);
  return {
    page,
    dataFolder: world.dataFolder,
    cli: world.cli,
    screenshot: screenshotsOf(page),
    async close() {
      await browser.close();
      await world.remove();
    },
  };
}
