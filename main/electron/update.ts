import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { App } from 'electron';
import type { Settings } from '../contract/settings.ts';
import { english } from './english.ts';

/** How often a running app looks for a newer version. */
const everyMs = 6 * 3600_000;

/**
 * Looks for newer versions where the packed app says where they are (`app-update.yml`, which electron-builder writes from "publish"); without
 * it, and in the development tree, nothing is ever asked, nor where `wanted` says so when it would. What was fetched is installed when the app is quit, never under someone's hands.
 */
export async function watchForUpdates(app: App, wanted: () => Settings['updates'], tell: (text: string) => void): Promise<void> {
  if (!app.isPackaged || !existsSync(join(process.resourcesPath, 'app-update.yml'))) return;
  const { autoUpdater } = await import('electron-updater');
  autoUpdater.autoInstallOnAppQuit = true;
  autoUpdater.on('update-downloaded', ({ version }) => tell(english.versionReady(version)));
  // No network today is no news.
  autoUpdater.on('error', () => {});
  const look = async () => {
    const channel = wanted();
    if (channel === 'off') return;
    autoUpdater.channel = channel;
    // Setting a channel allows going back to an older version, which nobody asked for.
    autoUpdater.allowDowngrade = false;
    await autoUpdater.checkForUpdates().catch(() => {});
  };
  setInterval(look, everyMs).unref();
  await look();
}
