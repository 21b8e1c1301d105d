import { join } from 'node:path';
import { app, BrowserWindow, Notification, protocol, safeStorage, screen, session } from 'electron';
import type { ContractClient } from '../contract/contract.ts';
import type { Settings } from '../contract/settings.ts';
import type { WindowCommand } from '../contract/window.ts';
import { deepLinkScheme, parseDeepLink } from '../contract/window.ts';
import { dataFolder, distFolder } from '../core/folders.ts';
import { readSettings, settingsFile } from '../core/settings.ts';
import { CoreConnection } from './core-connection.ts';
import { english } from './english.ts';
import { appOrigin, appScheme, guardContents, guardSession, isOurs } from './guard.ts';
import { systemKeychain, vaultKey } from './keychain.ts';
import { setMenu } from './menu.ts';
import { followRunEnds } from './run-notices.ts';
import { serveRenderer } from './serve-renderer.ts';
import { watchForUpdates } from './update.ts';
import { loadWindowState, saveWindowState } from './window-state.ts';

// Programs of their own (the core, the helper) start from real files: packed, those lie beside the archive.
const dist = distFolder(import.meta.url).replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked');
const folder = dataFolder(process.env);
const core = { dataFolder: folder, distFolder: dist, env: process.env };

let window: BrowserWindow | null = null;
/** What was asked for before the page could hear it. */
const waiting: WindowCommand[] = [];
let listening = false;

function command(wanted: WindowCommand): void {
  if (window === null || !listening) waiting.push(wanted);
  else if (isOurs(window.webContents.mainFrame.url)) window.webContents.postMessage('mlsysops-command', wanted);
}

function show(): void {
  if (window === null) return;
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

function follow(link: string | undefined): void {
  const wanted = link === undefined ? null : parseDeepLink(link);
  if (wanted) command(wanted);
}
const linkIn = (argv: readonly string[]): string | undefined =>
  argv.find((argument) => argument.startsWith(`${deepLinkScheme}:`));

if (!app.requestSingleInstanceLock()) {
  // The one that runs already is told, and shows itself.
  app.exit(0);
} else {
  protocol.registerSchemesAsPrivileged([
    { scheme: appScheme, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
  // Root has no sandbox of Chromium's own (tests run as root, with the switch); asking for one would end every child process.
  if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
  // In the development tree, the link would start a bare Electron.
  if (app.isPackaged) app.setAsDefaultProtocolClient(deepLinkScheme);
  const connection = new CoreConnection(core);

  guardContents(app);
  app.on('window-all-closed', () => app.quit());
  app.on('second-instance', (_event, argv) => {
    show();
    follow(linkIn(argv));
  });
  app.on('open-url', (event, link) => {
    event.preventDefault();
    show();
    follow(link);
  });

  void app.whenReady().then(() => {
    protocol.handle(appScheme, serveRenderer(join(dist, 'renderer')));
    guardSession(session.defaultSession);
    setMenu(command);
    window = openWindow(connection);
    follow(linkIn(process.argv));
    followRunEnds(core, openVault, ({ testbed, title, body }) => {
      if (window?.isFocused()) return;
      window?.flashFrame(true);
      if (!Notification.isSupported()) return;
      const notice = new Notification({ title, body });
      notice.on('click', () => {
        show();
        command({ command: 'go', page: 'run', testbed });
      });
      notice.show();
    });
    void watchForUpdates(app, wantedUpdates, (text) => command({ command: 'tell', text }));
  });
}

/** As the settings say each time it would look; while they cannot be read, nothing is asked of anybody. */
function wantedUpdates(): Settings['updates'] {
  try {
    return readSettings(settingsFile(folder)).updates;
  } catch {
    return 'off';
  }
}

/** Gives the core the key of kept passwords, where this computer has a keychain. Without one they are asked for each time. */
async function openVault(client: ContractClient): Promise<void> {
  try {
    const keychain = systemKeychain(safeStorage);
    if (keychain) await client.call('secrets.unlock', { key: vaultKey(folder, keychain, console.error) });
  } catch (error) {
    console.error('kept passwords could not be opened:', error);
    command({ command: 'tell', text: english.passwordsNotOpened });
  }
}

function openWindow(connection: CoreConnection): BrowserWindow {
  const { maximized, ...place } = loadWindowState(
    folder,
    screen.getAllDisplays().map(({ workArea }) => workArea),
  );
  const made = new BrowserWindow({
    ...place,
    minWidth: 720,
    minHeight: 600,
    title: 'MLSysOps Desktop',
    backgroundColor: '#f4f5f7',
    // The menu is there (Alt shows it) without taking room from the page.
    autoHideMenuBar: true,
    webPreferences: {
      preload: join(dist, 'electron', 'preload.cjs'),
      contextIsolation: true,
      nodeIntegration: false,
      sandbox: !app.commandLine.hasSwitch('no-sandbox'),
      webviewTag: false,
      spellcheck: false,
      navigateOnDragDrop: false,
    },
  });
  if (maximized) made.maximize();
  made.on('close', () => saveWindowState(folder, { ...made.getNormalBounds(), maximized: made.isMaximized() }));
  made.on('closed', () => {
    window = null;
  });
  made.on('focus', () => made.flashFrame(false));
  made.webContents.on('did-finish-load', () => {
    void connection.give(made);
    listening = true;
    for (const wanted of waiting.splice(0)) command(wanted);
  });
  // Of the page itself: a frame, or a navigation that was refused, changes nothing.
  made.webContents.on('did-navigate', () => {
    listening = false;
  });
  // A page that died is loaded anew: what it showed lies in the core.
  made.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason !== 'clean-exit' && !made.isDestroyed()) made.webContents.reload();
  });
  void made.loadURL(`${appOrigin}/index.html`);
  return made;
}
