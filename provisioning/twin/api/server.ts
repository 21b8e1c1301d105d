import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../../agents/clock.ts';
import { startControllers } from '../controllers/controllers.ts';
import { discover, openApiV2, openApiV2Protobuf, openApiV3, openApiV3Index } from './discovery.ts';
import { evictPod } from './eviction.ts';
import { ApiError, type StoredObject } from './objects.ts';
import { readBody, targetOf } from './request.ts';
import { withDefaultRequests } from './resize.ts';
import { groupVersion } from './resources.ts';
import { ObjectStore } from './store.ts';
import { tableOf } from './table.ts';
import {
  type Call,
  createObject,
  deleteCollection,
  deleteObject,
  getObject,
  listObjects,
  patchObject,
  replaceObject,
  scaleObject,
  versionInfo,
} from './verbs.ts';
import { streamWatch } from './watch.ts';

export interface ApiTls {
  /** PEM. */
  key: string;
  cert: string;
  /** Authority of the server's certificate, and of client certificates. */
  ca: string;
}

export interface KubernetesApiOptions {
  /** Name of the cluster. */
  name: string;
  host: string;
  /** 0 takes a free one. */
  port: number;
  tls: ApiTls;
  /** Bearer tokens that are let in. "groups" with "bootstrap" in it may only read cluster-info and join. */
  tokens: { token: string; user: string; groups: string[] }[];
  /** As /version tells it. */
  version?: string;
  podCidr: string;
  serviceCidr: string;
  clock: Clock;
  /** Where the objects are kept across restarts; nowhere when absent. */
  persistFile?: string;
  /** Deployments, scheduler, services and node life; off for Karmada's control plane. */
  controllers?: boolean;
}

export interface KubernetesApi {
  name: string;
  url: string;
  port: number;
  store: ObjectStore;
  tls: ApiTls;
  close(): Promise<void>;
}

const defaultVersion = 'v1.36.2+mlsysops-twin';
/** Changes are written to the file at most so often. */
const persistMs = 500;

/** A Kubernetes API of our own: what client libraries and kubectl need of one, over HTTPS. */
export async function startKubernetesApi(options: KubernetesApiOptions): Promise<KubernetesApi> {
  const { clock, tls } = options;
  const version = options.version ?? defaultVersion;
  const store = new ObjectStore(clock);
  const persistence = options.persistFile === undefined ? null : keepInFile(store, options.persistFile);
  for (const name of ['default', 'kube-system', 'kube-public', 'mlsysops']) {
    if (!store.get('namespaces', undefined, name)) {
      store.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, status: { phase: 'Active' } });
    }
  }
  store.giveDefaults('pods', withDefaultRequests);
  const controllers =
    options.controllers === false
      ? null
      : startControllers({ store, clock, podCidr: options.podCidr, serviceCidr: options.serviceCidr });

  const sockets = new Set<Duplex>();
  const server = createServer(
    { key: tls.key, cert: tls.cert, ca: tls.ca, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      serve(request, response).catch((error: unknown) => {
        const failure =
          error instanceof ApiError
            ? error
            : new ApiError(500, 'InternalError', error instanceof Error ? error.message : String(error));
        if (response.headersSent) response.destroy();
        else answer(response, failure.code, failure.status);
      });
    },
  );
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // A client that breaks off during the handshake or in mid-request is its own affair.
  server.on('tlsClientError', () => {});
  server.on('clientError', (_error, socket) => socket.destroy());

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://api');
    const path = url.pathname.replace(/(.)\/$/, '$1');
    if (['/readyz', '/livez', '/healthz'].includes(path)) {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('ok');
      return;
    }
    if (path === '/version') return answer(response, 200, versionInfo(version, clock));
    const isPublic = path === '/api/v1/namespaces/kube-public/configmaps/cluster-info' && request.method === 'GET';
    if (!isPublic && !isAllowed(request)) throw new ApiError(401, 'Unauthorized', 'Unauthorized');
    if (path === '/openapi/v2' && (request.headers.accept ?? '').includes('protobuf')) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(openApiV2Protobuf(version));
      return;
    }
    if (path === '/openapi/v2') return answer(response, 200, openApiV2(store.resources(), version));
    if (path === '/openapi/v3') return answer(response, 200, openApiV3Index(store.resources()));
    if (path.startsWith('/openapi/v3/'))
      return orNotFound(response, openApiV3(path.slice('/openapi/v3/'.length), store.resources(), version));
    if (path === '/')
      return answer(response, 200, { paths: ['/api', '/apis', '/healthz', '/openapi/v2', '/openapi/v3', '/version'] });

    const target = targetOf(path);
    if (!target) return orNotFound(response, discover(path, store.resources()));
    const resource = store.resource(target.group, target.plural, target.version);
    if (!resource) throw new ApiError(404, 'NotFound', 'the server could not find the requested resource');
    const call: Call = {
      target,
      resource,
      query: url.searchParams,
      body: await readBody(request),
      contentType: request.headers['content-type'] ?? '',
    };
    const asTable = (request.headers.accept ?? '').includes('as=Table');
    if (target.subresource === 'scale') return answer(response, 200, scaleObject(store, call, request.method ?? 'GET'));
    if (target.subresource === 'eviction' && request.method === 'POST')
      return answer(response, 201, evictPod(store, target.namespace ?? 'default', target.name ?? '', call.body));
    const show = (object: StoredObject) => (asTable ? tableOf(resource, [object], store.version, clock.now()) : object);
    switch (request.method) {
      case 'GET': {
        if (call.query.get('watch') === 'true' || call.query.get('watch') === '1')
          return streamWatch(store, call, response, clock, asTable);
        if (target.name !== undefined) return answer(response, 200, show(getObject(store, call)));
        const items = listObjects(store, call);
        if (asTable) return answer(response, 200, tableOf(resource, items, store.version, clock.now()));
        const metadata = { resourceVersion: String(store.version) };
        return answer(response, 200, { kind: `${resource.kind}List`, apiVersion: groupVersion(resource), metadata, items });
      }
      case 'POST':
        return answer(response, 201, createObject(store, call));
      case 'PUT':
        return answer(response, 200, replaceObject(store, call));
      case 'PATCH': {
        const { object, created } = patchObject(store, call);
        return answer(response, created ? 201 : 200, object);
      }
      case 'DELETE': {
        if (target.name === undefined) {
          const items = deleteCollection(store, call);
          return answer(response, 200, { kind: `${resource.kind}List`, apiVersion: groupVersion(resource), metadata: {}, items });
        }
        return answer(response, 200, deleteObject(store, call));
      }
      default:
        throw new ApiError(405, 'MethodNotAllowed', `${request.method} is not supported`);
    }
  }

  function isAllowed(request: IncomingMessage): boolean {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token !== undefined)
      return options.tokens.some((known) => known.token === token) || isBootstrapToken(store, token, clock);
    const certificate = (request.socket as TLSSocket).getPeerX509Certificate();
    return certificate?.verify(new X509Certificate(tls.ca).publicKey) ?? false;
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  return {
    name: options.name,
    url: `https://${options.host === '0.0.0.0' ? '127.0.0.1' : options.host}:${port}`,
    port,
    store,
    tls,
    async close() {
      controllers?.close();
      persistence?.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A bootstrap token as kubeadm makes it: a Secret in kube-system that has not expired. */
function isBootstrapToken(store: ObjectStore, token: string, clock: Clock): boolean {
  const [id, secret] = token.split('.');
  const stored = store.get('secrets', 'kube-system', `bootstrap-token-${id}`);
  if (!stored || secret === undefined) return false;
  const data = { ...(stored.data as Record<string, string> | undefined) };
  const read = (key: string) => {
    const plain = (stored.stringData as Record<string, string> | undefined)?.[key];
    return plain ?? Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  };
  const expiration = read('expiration');
  return read('token-secret') === secret && (expiration === '' || Date.parse(expiration) > clock.now());
}

function answer(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function orNotFound(response: ServerResponse, body: unknown): void {
  if (body === undefined) throw new ApiError(404, 'NotFound', 'the server could not find the requested resource');
  answer(response, 200, body);
}

/** Reads the file now and writes it, atomically, soon after each change. */
function keepInFile(store: ObjectStore, file: string): { close(): void } {
  if (existsSync(file)) store.restore(JSON.parse(readFileSync(file, 'utf8')) as ReturnType<ObjectStore['snapshot']>);
  let written = store.version;
  const write = () => {
    if (store.version === written) return;
    written = store.version;
    writeFileSync(`${file}.new`, JSON.stringify(store.snapshot()), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  const timer = setInterval(write, persistMs);
  return {
    close() {
      clearInterval(timer);
      write();
    },
  };
}
