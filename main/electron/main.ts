import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import { app, BrowserWindow, Menu, MessageChannelMain, protocol, session, shell } from 'electron';
import type { WebSocket } from 'ws';
import { dataFolder, distFolder } from '../core/folders.ts';
import { attachCore } from '../transport/attach.ts';
import { loadWindowState, saveWindowState } from './window-state.ts';

const scheme = 'mlsysops-app';
// Programs of their own (the core, the helper) start from real files: packed, those lie beside the archive.
const dist = distFolder(import.meta.url).replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked');
const folder = dataFolder(process.env);
const rendererFolder = join(dist, 'renderer');
/** Waits between tries to reach a core that went away, ms. */
const reconnectMs = [100, 500, 1000, 2000, 5000];

if (!app.requestSingleInstanceLock()) app.quit();
protocol.registerSchemesAsPrivileged([{ scheme, privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
// Root has no sandbox of Chromium's own (tests run as root, with the switch); asking for one would end every child process.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();

// The core starts while Electron is still getting ready: the window never waits for it.
let attached: Promise<WebSocket> = connect();
attached.catch(() => {});

function connect(): Promise<WebSocket> {
  return attachCore({ dataFolder: folder, distFolder: dist, env: process.env });
}

app.on('web-contents-created', (_event, contents) => {
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    if (url.startsWith('https://')) void shell.openExternal(url);
    return { action: 'deny' };
  });
});

app.on('window-all-closed', () => app.quit());

void app.whenReady().then(() => {
  protocol.handle(scheme, serveRenderer);
  session.defaultSession.setPermissionRequestHandler((_contents, permission, decide) =>
    decide(permission === 'clipboard-sanitized-write'),
  );
  session.defaultSession.setPermissionCheckHandler((_contents, permission) => permission === 'clipboard-sanitized-write');
  if (process.platform !== 'darwin') Menu.setApplicationMenu(null);
  const window = openWindow();
  app.on('second-instance', () => {
    if (window.isMinimized()) window.restore();
    window.focus();
  });
});

function openWindow(): BrowserWindow {
  const state = loadWindowState(folder);
  const window = new BrowserWindow({
    ...state,
    minWidth: 720,
    minHeight: 600,
    title: 'MLSysOps Desktop',
    backgroundColor: '#f4f5f7',
    webPreferences: {
      preload: join(dist, 'electron', 'preload.cjs'),
      contextIsolation: true,
      nodeIntegration: false,
      sandbox: !app.commandLine.hasSwitch('no-sandbox'),
      webviewTag: false,
      spellcheck: false,
    },
  });
  window.on('close', () => saveWindowState(folder, window.getBounds()));
  window.webContents.on('did-finish-load', () => void giveConnection(window));
  void window.loadURL(`${scheme}://app/index.html`);
  return window;
}

/** Gives the page one end of a port and pumps frames between the other end and the core; again whenever the core had to be started anew. */
async function giveConnection(window: BrowserWindow, attempt = 0): Promise<void> {
  let socket: WebSocket;
  try {
    socket = await attached;
    if (socket.readyState !== socket.OPEN) throw new Error('the core has closed the connection');
  } catch {
    if (window.isDestroyed()) return;
    const wait = reconnectMs[Math.min(attempt, reconnectMs.length - 1)];
    setTimeout(() => {
      attached = connect();
      attached.catch(() => {});
      void giveConnection(window, attempt + 1);
    }, wait);
    return;
  }
  if (window.isDestroyed()) return;
  const { port1, port2 } = new MessageChannelMain();
  port2.on('message', ({ data }) => socket.send(JSON.stringify(data)));
  socket.on('message', (data) => port2.postMessage(JSON.parse(String(data))));
  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    port2.close();
    socket.removeAllListeners('message');
  };
  socket.once('close', () => {
    end();
    attached = connect();
    attached.catch(() => {});
    if (!window.isDestroyed()) void giveConnection(window, 1);
  });
  window.webContents.once('did-start-loading', () => {
    // A page that reloads gets a fresh connection: its streams died with it.
    end();
    socket.close();
  });
  port2.start();
  window.webContents.postMessage('mlsysops-port', null, [port1]);
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

async function serveRenderer(request: Request): Promise<Response> {
  const path = normalize(decodeURIComponent(new URL(request.url).pathname));
  const file = join(rendererFolder, path);
  if (!file.startsWith(rendererFolder + sep)) return new Response('Not found', { status: 404 });
  try {
    return new Response(new Uint8Array(await readFile(file)), {
      headers: { 'content-type': types[extname(file)] ?? 'application/octet-stream', 'x-content-type-options': 'nosniff' },
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Response('Not found', { status: 404 });
    throw error;
  }
}
