import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { logPath, socketPath, tokenPath } from '../core/folders.ts';
import { isAlive } from '../core/lock.ts';

export class AttachError extends Error {
  override readonly name = 'AttachError';
}

/** How long a core may take to answer after it was started: DuckDB and the bundle load in well under a second. */
const startMs = 15_000;
/** A core that still lives by then is waited for: on a computer that is busy with other things it takes its time. */
const longestStartMs = 120_000;
/** How long it may take to end: it gives its parts 20 s. */
const stopMs = 25_000;

/** Connects to the core of a data folder over its local socket, starting it when none runs. @throws AttachError with the end of its log. */
export async function attachCore(options: {
  dataFolder: string;
  distFolder: string;
  env: NodeJS.ProcessEnv;
}): Promise<WebSocket> {
  const first = await connect(options.dataFolder);
  if (first) return first;
  const core = startCoreProcess(options);
  const startedAt = performance.now();
  const passed = () => performance.now() - startedAt;
  const lives = () => core.exitCode === null && core.signalCode === null;
  // One that ended at once may have found another that is just starting.
  while (passed() < (lives() ? longestStartMs : startMs)) {
    await delay(50);
    const socket = await connect(options.dataFolder);
    if (socket) return socket;
  }
  throw new AttachError(
    `The core did not start within ${Math.round(passed() / 1000)} s. The end of its log:\n${logTail(options.dataFolder)}`,
  );
}

/** Asks a running core over HTTP on its socket: "/web" opens the browser's server, "/stop" ends it. */
export function askCore(folder: string, path: string): Promise<{ url?: string; error?: string; pid?: number }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath: socketPath(folder), path, method: 'POST', headers: { authorization: `Bearer ${readToken(folder)}` } },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve(JSON.parse(text) as { url?: string; error?: string; pid?: number }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Ends the core of a data folder, and waits until it is gone: nothing of the folder is in use then. @returns false when none ran */
export async function stopCore(folder: string): Promise<boolean> {
  let pid: number | undefined;
  try {
    ({ pid } = await askCore(folder, '/stop'));
  } catch (error) {
    if (!['ENOENT', 'ECONNREFUSED'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return false;
  }
  const deadline = Date.now() + stopMs;
  while (pid !== undefined && isAlive(pid)) {
    if (Date.now() > deadline) throw new AttachError(`The core (process ${pid}) has not ended within ${stopMs / 1000} s.`);
    await delay(20);
  }
  return true;
}

function connect(folder: string): Promise<WebSocket | null> {
  let token: string;
  try {
    token = readToken(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Promise.resolve(null);
    throw error;
  }
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws+unix:${socketPath(folder)}:/rpc`, { headers: { authorization: `Bearer ${token}` } });
    socket.once('open', () => resolve(socket));
    // No core there, or one that is just starting or ending: the caller tries again.
    socket.once('error', () => resolve(null));
  });
}

function startCoreProcess(options: { dataFolder: string; distFolder: string; env: NodeJS.ProcessEnv }): ChildProcess {
  mkdirSync(options.dataFolder, { recursive: true, mode: 0o700 });
  const log = openSync(logPath(options.dataFolder), 'a', 0o600);
  const child = spawn(process.execPath, [join(options.distFolder, 'core', 'process.mjs')], {
    detached: true,
    stdio: ['ignore', log, log],
    // In Electron the same binary is a plain Node with this; in Node it means nothing.
    env: { ...options.env, MLSYSOPS_DATA: options.dataFolder, ELECTRON_RUN_AS_NODE: '1' },
  });
  child.unref();
  closeSync(log);
  return child;
}

const readToken = (folder: string): string => readFileSync(tokenPath(folder), 'utf8');
const logTail = (folder: string): string => readFileSync(logPath(folder), 'utf8').split('\n').slice(-15).join('\n');
