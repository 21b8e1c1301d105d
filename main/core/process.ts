import { randomBytes, timingSafeEqual } from 'node:crypto';
import { appendFileSync, chmodSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { serveChannel } from '../transport/serve-channel.ts';
import { maximumFrameBytes, serverChannel } from '../transport/web-socket-channel.ts';
import { startWebServer, type WebServer } from '../web/server.ts';
import { startCore } from './core.ts';
import { dataFolder, distFolder, lockPath, logPath, socketPath, tokenPath } from './folders.ts';
import { takeLock } from './lock.ts';

/** How long a core that nobody needs stays, so that one CLI call after another finds it warm. */
const idleMs = 15_000;
/** A twin goes on without a window for this long: long enough for a coffee, not for a forgotten night. */
const unattendedMs = 30 * 60_000;
/** The log starts anew past this size; the one before is kept. */
const maximumLogBytes = 4 * 1024 * 1024;

const folder = dataFolder(process.env);
mkdirSync(folder, { recursive: true, mode: 0o700 });
chmodSync(folder, 0o700);
const log = (text: string) => {
  if ((statSync(logPath(folder), { throwIfNoEntry: false })?.size ?? 0) > maximumLogBytes)
    renameSync(logPath(folder), `${logPath(folder)}.1`);
  appendFileSync(logPath(folder), `${new Date().toISOString()} ${text}\n`, { mode: 0o600 });
};
process.on('uncaughtException', (error) => {
  log(`uncaught: ${error.stack ?? error.message}`);
  process.exit(1);
});
process.on('unhandledRejection', (reason) => {
  log(`unhandled: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`);
});

const release = takeLock(lockPath(folder));
if (!release) process.exit(0);

const token = randomBytes(24).toString('base64url');
writeFileSync(tokenPath(folder), token, { mode: 0o600 });
chmodSync(tokenPath(folder), 0o600);

const dist = distFolder(import.meta.url);
const core = await startCore({ dataFolder: folder, distFolder: dist, assetsFolder: join(dirname(dist), 'assets'), log });

let clients = 0;
let aloneSince = Date.now();
const attach = (socket: WebSocket) => {
  clients++;
  socket.on('close', () => {
    clients--;
    aloneSince = Date.now();
  });
  socket.on('error', (error) => log(`client: ${error.message}`));
  serveChannel(core.handlers, serverChannel(socket), log);
};

let web: Promise<WebServer> | null = null;
const sockets = new WebSocketServer({ noServer: true, maxPayload: maximumFrameBytes });
const server = createServer((request, response) => {
  const answer = (status: number, value: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  if (!isOurs(request.headers.authorization)) return void answer(401, { error: 'wrong token' });
  if (request.method === 'POST' && request.url?.startsWith('/web')) {
    const port = Number(new URL(request.url, 'http://core').searchParams.get('port') ?? 0);
    web ??= startWebServer({ rendererFolder: join(dist, 'renderer'), port: Number.isInteger(port) ? port : 0, onSocket: attach });
    web.then(
      ({ url }) => answer(200, { url }),
      (error: Error) => {
        web = null;
        answer(500, { error: error.message });
      },
    );
  } else if (request.method === 'POST' && request.url === '/stop') {
    answer(200, { pid: process.pid });
    void stop();
  } else answer(404, { error: 'not found' });
});
server.on('upgrade', (request, socket, head) => {
  if (request.url !== '/rpc' || !isOurs(request.headers.authorization)) {
    socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
    return;
  }
  sockets.handleUpgrade(request, socket, head, attach);
});

function isOurs(header: string | undefined): boolean {
  const given = Buffer.from(header ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

const path = socketPath(folder);
if (process.platform !== 'win32') rmSync(path, { force: true });
server.listen(path, () => {
  if (process.platform !== 'win32') chmodSync(path, 0o600);
  log(`core ${process.pid} serves ${folder}`);
});

const watch = setInterval(() => {
  if (clients > 0) return;
  const alone = Date.now() - aloneSince;
  if (alone > (core.needed() ? unattendedMs : idleMs)) void stop();
}, 1000);

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  clearInterval(watch);
  // A part that hangs must not keep a data folder locked.
  setTimeout(() => process.exit(1), 20_000).unref();
  for (const socket of sockets.clients) socket.close(1001, 'the core stops');
  server.close();
  await (await web?.catch(() => null))?.close();
  await core.close();
  if (process.platform !== 'win32') rmSync(path, { force: true });
  release?.();
  log('core stopped');
  process.exit(0);
}
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());
