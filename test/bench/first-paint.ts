import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { attachCore, stopCore } from '../../main/transport/attach.ts';
import { root } from '../e2e/app.ts';
import { startDisplay } from '../e2e/display.ts';

export interface Paint {
  /** ms from the start of the process until something of the page was painted. */
  fromProcess: number;
  /** ms from the start of the page. */
  fromPage: number;
}

const longestMs = 60_000;
const empty = `const { app, BrowserWindow } = require('electron');
app.whenReady().then(() => {
  globalThis.shown = new BrowserWindow();
  return globalThis.shown.loadFile(require('node:path').join(__dirname, 'index.html'));
});
app.on('window-all-closed', () => app.quit());
`;

/** The first paint of an Electron that runs one window with a line of text: what no app can beat here. */
export async function paintOfEmptyWindow(): Promise<Paint> {
  const folder = mkdtempSync(join(tmpdir(), 'mls-bench-empty-'));
  const app = join(folder, 'app');
  try {
    mkdirSync(app);
    writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'empty', version: '0.0.0', main: 'main.cjs' }));
    writeFileSync(join(app, 'main.cjs'), empty);
    writeFileSync(join(app, 'index.html'), '<!doctype html><title>empty</title><p>Nothing</p>');
    return await firstPaint(app, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  }
}

/** The first paint of the app, with a data folder in which nothing is, and so with a core that starts meanwhile. */
export async function paintOfApp(): Promise<Paint> {
  const folder = mkdtempSync(join(tmpdir(), 'mls-bench-paint-'));
  try {
    return await firstPaint(root, folder);
  } finally {
    // It may be starting still: only one that answers can be asked to end.
    (await attachCore({ dataFolder: folder, distFolder: join(root, 'dist'), env: process.env })).close();
    await stopCore(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  }
}

/** Starts Electron as a person would, without a driver that holds it up, and asks its page afterwards. */
async function firstPaint(app: string, folder: string): Promise<Paint> {
  const display = await startDisplay();
  const startedAt = Date.now();
  const electron = spawn(
    join(process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(root, '.cache', 'electron'), 'electron'),
    [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ...['--disable-gpu', '--remote-debugging-port=0', `--user-data-dir=${join(folder, 'electron')}`, app],
    ],
    { env: { ...process.env, DISPLAY: display.name, MLSYSOPS_DATA: folder }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  try {
    const port = await debuggingPort(electron);
    const { at, after } = await paintIn(await pageOf(port));
    return { fromProcess: at - startedAt, fromPage: after };
  } finally {
    const ended = new Promise((resolve) => electron.once('exit', resolve));
    electron.kill('SIGTERM');
    await ended;
    display.stop();
  }
}

function debuggingPort(electron: ChildProcess): Promise<number> {
  let said = '';
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Electron told no debugging port; it said: ${said}`)), longestMs);
    electron.once('exit', (code) => reject(new Error(`Electron ended with ${code}; it said: ${said}`)));
    electron.stderr?.on('data', (data: Buffer) => {
      said += data;
      const port = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (!port) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
  });
}

/** Where its one page is spoken with. */
async function pageOf(port: number): Promise<string> {
  const until = Date.now() + longestMs;
  while (Date.now() < until) {
    const response = await fetch(`http://127.0.0.1:${port}/json`);
    const targets = (await response.json()) as { type: string; url: string; webSocketDebuggerUrl: string }[];
    const page = targets.find(({ type, url }) => type === 'page' && url.includes('index.html'));
    if (page) return page.webSocketDebuggerUrl;
    await delay(20);
  }
  throw new Error(`no page came up within ${longestMs} ms`);
}

const answerSchema = z.object({
  id: z.literal(1),
  result: z.object({ result: z.object({ value: z.object({ at: z.number(), after: z.number() }).nullish() }) }).optional(),
});

/** When the page has painted something: ms since the epoch, and since it began. */
function paintIn(url: string): Promise<{ at: number; after: number }> {
  const expression = `(() => {
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    return paint ? { at: performance.timeOrigin + paint.startTime, after: paint.startTime } : null;
  })()`;
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const ask = () =>
      socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression, returnByValue: true } }));
    const timer = setTimeout(() => {
      socket.close();
      reject(new Error(`nothing was painted within ${longestMs} ms`));
    }, longestMs);
    socket.once('error', reject);
    socket.once('open', ask);
    socket.on('message', (data) => {
      const answer = answerSchema.safeParse(JSON.parse(String(data)));
      const value = answer.data?.result?.result.value;
      // Where the page was just being replaced, there is no answer to that.
      if (!value) {
        setTimeout(ask, 20);
        return;
      }
      clearTimeout(timer);
      socket.close();
      resolve(value);
    });
  });
}
