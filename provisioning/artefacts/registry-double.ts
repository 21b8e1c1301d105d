import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

/** A double of an image registry on loopback: OCI distribution API, with the token that public registries want, and faults to order. */
export interface RegistryDouble {
  /** "127.0.0.1:40123". */
  host: string;
  /** Method-less log of what was asked: "/v2/pause/manifests/3.10", "/token". */
  asked: string[];
  /** The next answers of blobs break off after this many bytes, one number each. */
  cuts: number[];
  /** Alters what is answered for a path; for lying registries. */
  alter: (path: string, body: Buffer) => Buffer;
  /** Publishes an image of one layer (a tar archive) for architectures, as an index; gives its digest. */
  publish(repository: string, tag: string, layer: Buffer, arches?: readonly string[], command?: string[]): string;
  close(): void;
}

const digestOf = (body: Buffer): string => `sha256:${createHash('sha256').update(body).digest('hex')}`;

export async function startRegistry(): Promise<RegistryDouble> {
  const stored = new Map<string, { body: Buffer; type: string }>();
  const token = randomBytes(12).toString('hex');
  const put = (path: string, body: Buffer, type: string) => stored.set(path, { body, type });
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const server: Server = createServer((request, response) => answer(request, response));
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  const double: RegistryDouble = {
    host,
    asked: [],
    cuts: [],
    alter: (_path, body) => body,
    publish(repository, tag, layer, arches = ['amd64', 'arm64'], command) {
      const blob = (body: Buffer, mediaType: string) => {
        put(`/v2/${repository}/blobs/${digestOf(body)}`, body, 'application/octet-stream');
        return { mediaType, digest: digestOf(body), size: body.length };
      };
      const manifest = (architecture: string) => {
        const config = {
          architecture,
          os: 'linux',
          config: { Cmd: command },
          rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
        };
        const mediaType = 'application/vnd.oci.image.manifest.v1+json';
        const body = json({
          schemaVersion: 2,
          mediaType,
          config: blob(json(config), 'application/vnd.oci.image.config.v1+json'),
          layers: [blob(gzipSync(layer), 'application/vnd.oci.image.layer.v1.tar+gzip')],
        });
        put(`/v2/${repository}/manifests/${digestOf(body)}`, body, mediaType);
        return { mediaType, digest: digestOf(body), size: body.length, platform: { os: 'linux', architecture } };
      };
      const mediaType = 'application/vnd.oci.image.index.v1+json';
      const index = json({ schemaVersion: 2, mediaType, manifests: arches.map(manifest) });
      put(`/v2/${repository}/manifests/${tag}`, index, mediaType);
      put(`/v2/${repository}/manifests/${digestOf(index)}`, index, mediaType);
      return digestOf(index);
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', `http://${host}`);
    double.asked.push(url.pathname);
    if (url.pathname === '/token') return void response.end(JSON.stringify({ token }));
    if (request.headers.authorization !== `Bearer ${token}`) {
      const challenge = `Bearer realm="http://${host}/token",service="double",scope="repository:any:pull"`;
      return void response.writeHead(401, { 'www-authenticate': challenge }).end('{"errors":[]}');
    }
    const found = stored.get(url.pathname);
    if (found === undefined) return void response.writeHead(404).end('{"errors":[]}');
    const body = double.alter(url.pathname, found.body);
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-type': found.type,
      'content-length': body.length - from,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` } : {}),
    });
    const rest = body.subarray(from);
    const cut = url.pathname.includes('/blobs/') && rest.length > (double.cuts[0] ?? Infinity) ? double.cuts.shift() : undefined;
    if (cut === undefined) response.end(rest);
    else response.write(rest.subarray(0, cut), () => setImmediate(() => response.destroy()));
  }
  return double;
}
