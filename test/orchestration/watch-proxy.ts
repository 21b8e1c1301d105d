import { createServer, type IncomingMessage, request as requestPlain, type ServerResponse } from 'node:http';
import { type RequestOptions, request as requestTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';

/** Stands between a client and an API server: notes what is asked, and does to watches what networks and servers do to them. */
export class WatchProxy {
  /** Everything but reading: "PATCH /path content-type". */
  readonly changes: string[] = [];
  /** Paths of collections, each time one was listed. */
  readonly lists: string[] = [];
  /** Watches that were told that their version is too old. */
  expired = 0;
  readonly #server = createServer((from, to) => this.#pass(from, to));
  readonly #watches = new Set<ServerResponse>();
  readonly #target: KubeConfig;
  #outdated = false;

  private constructor(target: KubeConfig) {
    this.#target = target;
  }

  static async before(target: KubeConfig): Promise<WatchProxy> {
    const proxy = new WatchProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  kubeConfig(): KubeConfig {
    const kubeConfig = new KubeConfig();
    const { port } = this.#server.address() as AddressInfo;
    // On loopback, without TLS: the client takes that for skipping it. What lets it in is added on the way.
    const cluster = { name: 'proxied', server: `http://127.0.0.1:${port}`, skipTLSVerify: true };
    kubeConfig.loadFromClusterAndUser(cluster, { name: 'test' });
    return kubeConfig;
  }

  /** Watches that go on now. */
  get open(): number {
    return this.#watches.size;
  }

  /** As when a network breaks: connections end in the middle. */
  cutWatches(): void {
    for (const watch of [...this.#watches]) watch.destroy();
  }

  /** As API servers end each watch after its time, in good order: the client goes on from the version that it has. */
  endWatches(): void {
    for (const watch of [...this.#watches]) watch.end();
  }

  /** As an API server tells a watch that goes on that it cannot go on: 410 in the middle of the stream. */
  expireWatches(): void {
    const object = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'Expired', code: 410 };
    for (const watch of [...this.#watches]) watch.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
  }

  /** From now on every watch asks from a version of long ago, as after a client has slept for long. */
  askFromLongAgo(outdated: boolean): void {
    this.#outdated = outdated;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #pass(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const url = new URL(from.url ?? '/', 'http://proxy');
    const isWatch = url.searchParams.get('watch') === 'true';
    if (from.method !== 'GET') this.changes.push(`${from.method} ${url.pathname} ${from.headers['content-type'] ?? ''}`.trim());
    else if (!isWatch) this.lists.push(url.pathname);
    const isOutdated = isWatch && this.#outdated;
    if (isOutdated) url.searchParams.set('resourceVersion', '1');
    const server = new URL(this.#target.getCurrentCluster()?.server ?? '');
    const { host: _, ...headers } = from.headers;
    const options: RequestOptions = {
      hostname: server.hostname,
      port: server.port,
      path: `${url.pathname}${url.search}`,
      method: from.method,
      headers,
    };
    await this.#target.applyToHTTPSOptions(options);
    const on = (server.protocol === 'https:' ? requestTls : requestPlain)(options, (answer) => {
      to.writeHead(answer.statusCode ?? 500, answer.headers);
      if (isWatch) {
        to.flushHeaders();
        this.#watches.add(to);
        answer.on('data', (chunk: Buffer) => {
          if (isOutdated && /"code":\s*410/.test(String(chunk))) this.expired++;
        });
      }
      answer.pipe(to);
      answer.on('error', () => to.destroy());
    });
    on.on('error', () => to.destroy());
    to.on('close', () => {
      this.#watches.delete(to);
      on.destroy();
    });
    from.pipe(on);
  }
}
