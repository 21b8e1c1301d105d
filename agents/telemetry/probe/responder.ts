import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { answerTo } from './packets.ts';

/** Bytes of a transfer by which throughput is measured: 2 s on a link of 1 Mbit/s. */
export const transferBytes = 256 * 1024;
/** A transfer that takes longer is cut off: what came until then tells enough. */
export const transferMs = 2000;
/** Between transfers to one peer; a peer that asks more often is turned away. */
const pauseMs = 20_000;
/** Probes of one peer that are answered a second. */
const mostPerSecond = 50;
/** A port that somebody else holds now may be free later. */
const retryMs = 5000;

export interface ResponderOptions {
  host: string;
  port: number;
  /** ms, on a clock that never goes back. */
  now?: () => number;
  log: (text: string) => void;
}

/** Answers other nodes' probes: UDP with as much as came, TCP with a short transfer. Only peers that the cluster agent has named are answered, and not too often. */
export class ProbeResponder {
  readonly #options: ResponderOptions;
  readonly #now: () => number;
  readonly #peers = new Map<string, { second: number; answered: number; transferAt: number }>();
  readonly #socket = createSocket('udp4');
  readonly #server = createServer({ pauseOnConnect: true });
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #failed = false;
  /** The port it got; null as long as it has none. */
  port: number | null = null;
  readonly listening: Promise<void>;

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#server.maxConnections = 2;
    this.#socket.on('message', (packet, from) => this.#answer(packet, from));
    this.#server.on('connection', (connection) => {
      const peer = this.#peers.get(connection.remoteAddress?.replace(/^::ffff:/, '') ?? '');
      connection.on('error', () => connection.destroy());
      if (!peer || this.#now() - peer.transferAt < pauseMs) {
        connection.destroy();
        return;
      }
      peer.transferAt = this.#now();
      const timer = setTimeout(() => connection.destroy(), transferMs);
      connection.on('close', () => clearTimeout(timer));
      connection.end(Buffer.alloc(transferBytes));
    });
    this.listening = new Promise((resolve) => {
      this.#socket.on('listening', () => {
        if (this.#failed) options.log(`port ${options.port} answers probes now`);
        this.#failed = false;
        resolve();
      });
    });
    this.#server.on('error', (error) => this.#tryAgain(error));
    this.#socket.on('error', (error) => this.#tryAgain(error));
    // The same port for both: TCP first, as with port 0 it is the one that finds one.
    this.#server.on('listening', () => {
      const address = this.#server.address();
      if (this.#closed || address === null || typeof address === 'string') return;
      this.port = address.port;
      this.#socket.bind(address.port, options.host);
    });
    this.#listen();
  }

  /** Addresses that are answered from now on. */
  allow(addresses: readonly string[]): void {
    const wanted = new Set(addresses);
    for (const address of this.#peers.keys()) if (!wanted.has(address)) this.#peers.delete(address);
    for (const address of wanted)
      if (!this.#peers.has(address)) this.#peers.set(address, { second: 0, answered: 0, transferAt: Number.NEGATIVE_INFINITY });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket.close();
    this.#server.close();
  }

  #listen(): void {
    if (!this.#closed) this.#server.listen({ host: this.#options.host, port: this.#options.port });
  }

  #tryAgain(error: Error): void {
    if (this.#closed) return;
    const { log, port } = this.#options;
    if (!this.#failed) log(`port ${port} cannot answer probes; trying again: ${error.message}`);
    this.#failed = true;
    this.port = null;
    this.#server.close();
    this.#retry = setTimeout(() => this.#listen(), retryMs);
    this.#retry.unref();
  }

  #answer(packet: Buffer, from: { address: string; port: number }): void {
    const peer = this.#peers.get(from.address);
    const answer = peer && answerTo(packet);
    if (!peer || !answer) return;
    const second = Math.floor(this.#now() / 1000);
    if (peer.second !== second) Object.assign(peer, { second, answered: 0 });
    if (++peer.answered > mostPerSecond) return;
    // What cannot be sent is a loss, which is what the other side measures.
    this.#socket.send(answer, from.port, from.address, () => {});
  }
}
