import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { maximumFrameBytes } from '../transport/web-socket-channel.ts';

export interface WebServer {
  /** Open this in a browser: the token stands in the fragment, which no server and no log sees. */
  url: string;
  close(): Promise<void>;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.map': 'application/json',
  '.wasm': 'application/wasm',
};

/** The same app in a browser: loopback only, a random token, Host and Origin checked (so that no other page can reach it). */
export async function startWebServer(options: {
  rendererFolder: string;
  port: number;
  onSocket(socket: WebSocket): void;
}): Promise<WebServer> {
  const token = randomBytes(24).toString('base64url');
  const server = createServer((request, response) => serveFile(options.rendererFolder, allowedHosts(), request, response));
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maximumFrameBytes,
    // Never echo the token back as the chosen protocol.
    handleProtocols: (protocols) => (protocols.has('mlsysops') ? 'mlsysops' : false),
  });

  const allowedHosts = () => {
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    return [`127.0.0.1:${port}`, `localhost:${port}`];
  };

  server.on('upgrade', (request, socket, head) => {
    const hosts = allowedHosts();
    const refuse = (status: string) => {
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    };
    const origin = request.headers.origin;
    if (request.url !== '/rpc') return refuse('404 Not Found');
    if (!hosts.includes(request.headers.host ?? '')) return refuse('421 Misdirected Request');
    if (!origin || !hosts.some((host) => origin === `http://${host}`)) return refuse('403 Forbidden');
    if (!hasToken(request, token)) return refuse('401 Unauthorized');
    sockets.handleUpgrade(request, socket, head, (accepted) => options.onSocket(accepted));
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', () => resolve());
  });
  return {
    url: `http://${allowedHosts()[0]}/#token=${token}`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.clients) socket.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function hasToken(request: IncomingMessage, token: string): boolean {
  const offered = String(request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith('mlsysops.token.'))
    ?.slice('mlsysops.token.'.length);
  const given = Buffer.from(offered ?? '');
  const wanted = Buffer.from(token);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function serveFile(folder: string, hosts: string[], request: IncomingMessage, response: ServerResponse): void {
  const refuse = (status: number, text: string) => response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
  if (!hosts.includes(request.headers.host ?? '')) return void refuse(421, 'Misdirected request');
  if (request.method !== 'GET' && request.method !== 'HEAD') return void refuse(405, 'Method not allowed');
  const path = filePath(request.url ?? '/');
  const file = join(folder, path === '/' ? 'index.html' : path);
  if (!file.startsWith(folder + sep) || !statSync(file, { throwIfNoEntry: false })?.isFile())
    return void refuse(404, 'Not found');
  response.writeHead(200, {
    'content-type': types[extname(file)] ?? 'application/octet-stream',
    'cache-control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-store',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  });
  if (request.method === 'HEAD') response.end();
  else
    createReadStream(file)
      .on('error', () => response.destroy())
      .pipe(response);
}

/** Path of a request within the folder; what can't be decoded names no file. */
function filePath(url: string): string {
  try {
    const path = normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname));
    // No file has one in its name, and asking for it throws.
    if (!path.includes('\0')) return path;
  } catch {
    // Told below.
  }
  return '/no-such-file';
}
