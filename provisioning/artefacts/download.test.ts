import { createHash, randomBytes } from 'node:crypto';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchBytes, fetchFile } from './download.ts';
import { createFetch } from './http.ts';

const content = randomBytes(300_000);
const sha256 = createHash('sha256').update(content).digest('hex');
const plain = createFetch();

let folder: string;
let target: string;
const servers: Server[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'download-'));
  target = path.join(folder, 'file');
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
}

/** Answers ranges, and breaks off after `cut` bytes of each answer. */
function cutting(asked: string[], cut: number) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    asked.push(request.headers.range ?? 'all');
    response.writeHead(from === 0 ? 200 : 206, {
      'content-length': content.length - from,
      ...(from === 0 ? {} : { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
    });
    const rest = content.subarray(from);
    if (rest.length <= cut) return response.end(rest);
    response.write(rest.subarray(0, cut), () => setImmediate(() => response.destroy()));
  };
}

const quick = { fetch: plain, waitMs: () => 1 };
// Comparing so many bytes one by one takes seconds.
const isComplete = async () => (await readFile(target)).equals(content);
const nothingThere = () => expect(access(target)).rejects.toThrow();

describe('a download', () => {
  it('goes on where it was cut, again and again', async () => {
    const asked: string[] = [];
    await fetchFile(await serve(cutting(asked, 70_000)), sha256, target, quick);
    expect(await isComplete()).toBe(true);
    expect(asked[0]).toBe('all');
    expect(asked.length).toBeGreaterThan(3);
    expect(asked.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range))).toBe(true);
  });

  it('goes on in another run, and starts over when what was left is of other bytes', async () => {
    const asked: string[] = [];
    const url = await serve(cutting(asked, 1e9));
    await writeFile(`${target}.part`, content.subarray(0, 1000));
    await fetchFile(url, sha256, target, quick);
    expect(asked).toEqual(['bytes=1000-']);
    await writeFile(`${target}.part`, randomBytes(2000));
    await rm(target);
    await fetchFile(url, sha256, target, quick);
    expect(asked.slice(1)).toEqual(['bytes=2000-', 'all']);
    expect(await isComplete()).toBe(true);
  });

  it('takes what is whole already, and survives a server that knows no ranges', async () => {
    const url = await serve((request, response) => {
      if (request.headers.range === `bytes=${content.length}-`)
        return response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
      response.end(content);
    });
    await writeFile(`${target}.part`, content);
    await fetchFile(url, sha256, target, quick);
    await rm(target);
    await writeFile(`${target}.part`, content.subarray(0, 10));
    await fetchFile(url, sha256, target, quick);
    expect(await isComplete()).toBe(true);
  });

  it('is not believed with other bytes, and not kept', async () => {
    const url = await serve((_request, response) => response.end('other bytes'));
    await expect(fetchFile(url, sha256, target, quick)).rejects.toMatchObject({
      value: { code: 'artefact', cause: expect.stringContaining('does not have the digest'), remedy: expect.any(String) },
    });
    await nothingThere();
    await expect(access(`${target}.part`)).rejects.toThrow();
  });

  it('is bounded in size, whether the server says so or not', async () => {
    const honest = await serve((_request, response) => response.end(content));
    await expect(fetchFile(honest, sha256, target, { ...quick, maxBytes: 1000 })).rejects.toThrow('larger than 1000 bytes');
    const endless = await serve((_request, response) => {
      const more = () => response.write(content) && setImmediate(more);
      response.on('drain', more);
      more();
    });
    await expect(fetchBytes(endless, quick)).rejects.toThrow('larger than');
  });

  it('gives up on a server that promises more than it sends, drips, or is not there', async () => {
    const lying = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': content.length + 5 });
      response.write(content, () => setImmediate(() => response.destroy()));
    });
    await expect(fetchFile(lying, sha256, target, { ...quick, attempts: 2 })).rejects.toThrow('broke off');
    const silent = await serve((_request, response) => {
      response.write('a');
    });
    await expect(fetchBytes(silent, { ...quick, idleMs: 50, attempts: 2 })).rejects.toThrow('went silent');
    await expect(fetchBytes('http://127.0.0.1:1/', { ...quick, attempts: 2 })).rejects.toThrow('cannot be reached');
  });

  it('waits for a server that is busy, and says what helps where waiting does not', async () => {
    let asked = 0;
    const busy = await serve((_request, response) => {
      asked++;
      if (asked < 3) return response.writeHead(503).end();
      response.end(content);
    });
    await fetchFile(busy, sha256, target, quick);
    expect(asked).toBe(3);
    for (const [status, help] of [
      [404, 'kubernetes.version'],
      [403, 'proxy or mirror'],
    ] as const) {
      let times = 0;
      const refusing = await serve((_request, response) => {
        times++;
        response.writeHead(status).end();
      });
      await expect(fetchFile(refusing, sha256, `${target}2`, quick)).rejects.toMatchObject({
        value: { cause: expect.stringContaining(`answers ${status}`), remedy: expect.stringContaining(help) },
      });
      expect(times).toBe(1);
    }
  });

  it('follows a few redirects, without taking credentials along', async () => {
    const seen: (string | undefined)[] = [];
    const storage = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end(content);
    });
    const first = await serve((_request, response) => response.writeHead(302, { location: storage }).end());
    await fetchFile(first, sha256, target, { ...quick, headers: { authorization: 'Bearer secret' } });
    expect(seen).toEqual([undefined]);
    const round = await serve((_request, response) => response.writeHead(302, { location: '/file' }).end());
    await expect(fetchBytes(round, quick)).rejects.toThrow('redirects more than 5 times');
    const elsewhere = await serve((_request, response) => response.writeHead(302, { location: 'ftp://127.0.0.1/' }).end());
    await expect(fetchBytes(elsewhere, quick)).rejects.toThrow('not HTTPS');
  });

  it('goes through the proxy of the environment', async () => {
    const asked: string[] = [];
    const proxy = await serve((_request, response) => response.end());
    servers.at(-1)?.on('connect', (request, socket) => {
      asked.push(request.url ?? '');
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    const before = { ...process.env };
    try {
      process.env.HTTPS_PROXY = new URL(proxy).origin;
      process.env.NO_PROXY = '';
      await expect(fetchBytes('https://publisher.example/', { ...quick, fetch: createFetch(), attempts: 1 })).rejects.toThrow();
    } finally {
      process.env = before;
    }
    expect(asked).toEqual(['publisher.example:443']);
  });

  it('stops when it is cancelled', async () => {
    const abort = new AbortController();
    const url = await serve((_request, response) => {
      response.write('a');
      setImmediate(() => abort.abort());
    });
    await expect(fetchFile(url, sha256, target, { ...quick, signal: abort.signal })).rejects.toMatchObject({
      value: { code: 'cancelled' },
    });
  });
});
