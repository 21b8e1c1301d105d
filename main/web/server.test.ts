import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Handlers } from '../contract/contract.ts';
import { serveChannel } from '../transport/serve-channel.ts';
import { maximumFrameBytes, serverChannel } from '../transport/web-socket-channel.ts';
import { startWebServer, type WebServer } from './server.ts';

const folder = mkdtempSync(join(tmpdir(), 'mls-web-'));
let server: WebServer;
let port: number;
let token: string;
const handlers = { 'runs.cancel': async () => ({}) } as unknown as Handlers;
beforeAll(async () => {
  const rendererFolder = join(folder, 'renderer');
  mkdirSync(join(rendererFolder, 'assets'), { recursive: true });
  writeFileSync(join(rendererFolder, 'index.html'), '<title>app</title>');
  writeFileSync(join(folder, 'secret.txt'), 'not for the browser');
  server = await startWebServer({
    ...{ rendererFolder, port: 0 },
    onSocket: (socket) => {
      socket.on('error', () => {});
      serveChannel(handlers, serverChannel(socket), () => {});
    },
  });
  const url = new URL(server.url);
  port = Number(url.port);
  token = url.hash.replace('#token=', '');
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function get(path: string, { host = `127.0.0.1:${port}`, method = 'GET' } = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    // As it stands: a client that tidies paths would hide what is looked at.
    const asked = request({ host: '127.0.0.1', port, path, method, headers: { host } }, (response) => {
      let body = '';
      response.on('data', (part) => {
        body += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** The status that an upgrade is refused with; 101 when it is not. */
function upgrade({
  origin = `http://127.0.0.1:${port}`,
  host = `127.0.0.1:${port}`,
  given = token,
  path = '/rpc',
} = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, ['mlsysops', `mlsysops.token.${given}`], {
      headers: { host, ...(origin === '' ? {} : { origin }) },
    });
    socket.on('open', () => {
      socket.close();
      resolve(101);
    });
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', reject);
  });
}

test('serves the app to a browser that asks for it by its own address, and nothing beside it', async () => {
  expect(await get('/')).toEqual({ status: 200, body: '<title>app</title>' });
  for (const path of [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/../../secret.txt',
    '/%00',
    '/%E0%A4%A',
    '/assets',
  ])
    expect((await get(path)).status, path).toBe(404);
  // A page of another name that points here (DNS rebinding).
  expect((await get('/', { host: 'evil.example' })).status).toBe(421);
  expect((await get('/', { host: `evil.example:${port}` })).status).toBe(421);
  expect((await get('/', { method: 'POST' })).status).toBe(405);
});

test('takes no socket of a page of another origin, without the token, or by another name', async () => {
  expect(await upgrade()).toBe(101);
  expect(await upgrade({ host: `localhost:${port}`, origin: `http://localhost:${port}` })).toBe(101);
  for (const origin of ['http://evil.example', `https://127.0.0.1:${port}`, `http://127.0.0.1:${port + 1}`, 'null', ''])
    expect(await upgrade({ origin }), origin).toBe(403);
  expect(await upgrade({ host: 'evil.example' })).toBe(421);
  for (const given of ['', 'x', token.slice(1), `${token}x`]) expect(await upgrade({ given }), given).toBe(401);
  expect(await upgrade({ path: '/other' })).toBe(404);
});

test('ends a socket that sends what is no JSON or too large, and serves the others', async () => {
  const open = async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/rpc`, ['mlsysops', `mlsysops.token.${token}`], {
      origin: `http://127.0.0.1:${port}`,
    });
    await once(socket, 'open');
    socket.on('error', () => {});
    return socket;
  };
  const other = await open();
  const rubbish: (string | Buffer)[] = ['{', Buffer.from([0, 255, 254]), '['.repeat(1_000_000)];
  for (const data of rubbish) {
    const socket = await open();
    socket.send(data);
    expect((await once(socket, 'close'))[0]).toBe(1007);
  }
  const large = await open();
  large.send('x'.repeat(maximumFrameBytes + 1));
  expect([1006, 1009]).toContain((await once(large, 'close'))[0]);
  other.send(JSON.stringify({ type: 'call', id: 7, name: 'runs.cancel', input: { run: 'r' } }));
  const [answer] = await once(other, 'message');
  expect(JSON.parse(String(answer))).toEqual({ type: 'answer', id: 7, output: {} });
  other.close();
});
