import { createSocket, type Socket } from 'node:dgram';
import { connect, isIPv4 } from 'node:net';
import type { Sample } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import { answeredBy, probePacket } from './packets.ts';
import { transferBytes, transferMs } from './responder.ts';

/** A node to probe. */
export interface Peer {
  node: string;
  address: string;
  port: number;
}

/** Probes of one round, and ms between them: the round trip is their median. */
const probesPerRound = 10;
const gapMs = 20;
/** An answer that takes longer is lost. */
const answerMs = 1000;
/** Rounds over which loss is told: of 50 probes a loss of 2 % can be seen. */
const roundsRemembered = 5;
/** A peer that was busy, or whose transfer came in one part, is asked again after this, which is more than it wants between two. */
const transferRetryMs = 25_000;

export interface ProberOptions {
  clock: Clock;
  /** ms, precise, on a clock that never goes back. */
  now?: () => number;
  /** 0–1. */
  random: () => number;
  /** One peer is probed each time, give or take a half. */
  intervalMs: number;
  /** Between transfers with one peer. */
  transferIntervalMs: number;
  /** Address that probes come from: peers answer the one that they were told. Without it the way to the peer decides. */
  from?: string;
}

interface Link {
  peer: Peer;
  rounds: { sent: number; answered: number }[];
  transferAt: number;
  throughput: number | undefined;
}

/**
 * Measures the links to other nodes, one peer at a time in an order of chance: link_round_trip_ms (median of 10 probes over UDP), link_loss_ratio (of the last
 * 50), link_throughput_bytes_per_second (what a transfer of 256 KiB over TCP reached; told again with each round until there is a newer one).
 */
export class LinkProber {
  readonly #options: ProberOptions;
  readonly #now: () => number;
  readonly #links = new Map<string, Link>();
  readonly #pending = new Map<number, (at: number) => void>();
  #order: string[] = [];
  #nextId = 1;
  #samples: Sample[] = [];
  #socket: Socket | undefined;
  #timer: { close(): void } | undefined;
  #closed = false;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#schedule();
  }

  /** Peers from now on. IPv6 is not probed yet. */
  probe(peers: readonly Peer[]): void {
    const wanted = new Map(peers.filter(({ address }) => isIPv4(address)).map((peer) => [peer.node, peer]));
    for (const node of this.#links.keys()) if (!wanted.has(node)) this.#links.delete(node);
    for (const [node, peer] of wanted) {
      const known = this.#links.get(node);
      if (known?.peer.address === peer.address && known.peer.port === peer.port) continue;
      this.#links.set(node, { peer, rounds: [], transferAt: Number.NEGATIVE_INFINITY, throughput: undefined });
    }
  }

  /** What was measured since the last call. */
  samples(): Sample[] {
    const samples = this.#samples;
    this.#samples = [];
    return samples;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.close();
    this.#socket?.close();
  }

  /** Probes the next peer; done when its answers are there or lost. */
  async round(): Promise<void> {
    if (this.#order.length === 0) this.#order = shuffled([...this.#links.keys()], this.#options.random);
    const link = this.#links.get(this.#order.pop() ?? '');
    if (!link) return;
    const socket = this.#open();
    const trips = await Promise.all(
      Array.from({ length: probesPerRound }, async (_, index) => {
        await pause(index * gapMs);
        return this.#trip(socket, link.peer);
      }),
    );
    if (this.#closed) return;
    const answered = trips.filter((trip) => trip !== undefined).sort((a, b) => a - b);
    link.rounds = [...link.rounds, { sent: probesPerRound, answered: answered.length }].slice(-roundsRemembered);
    const now = this.#now();
    const { transferIntervalMs } = this.#options;
    const wait = link.throughput === undefined ? Math.min(transferRetryMs, transferIntervalMs) : transferIntervalMs;
    if (answered.length > 0 && now - link.transferAt >= wait) {
      link.transferAt = now;
      link.throughput = (await throughput(link.peer, this.#options.from, this.#now)) ?? link.throughput;
    }
    const sent = link.rounds.reduce((sum, round) => sum + round.sent, 0);
    const got = link.rounds.reduce((sum, round) => sum + round.answered, 0);
    const values = {
      link_round_trip_ms: answered[Math.floor((answered.length - 1) / 2)],
      link_loss_ratio: (sent - got) / sent,
      link_throughput_bytes_per_second: link.throughput,
    };
    for (const [metric, value] of Object.entries(values))
      if (value !== undefined) this.#samples.push({ metric, value, peer: link.peer.node });
  }

  #schedule(): void {
    if (this.#closed) return;
    const { clock, random, intervalMs } = this.#options;
    // At random: probes of many nodes must not meet in step, nor with what they measure.
    this.#timer = clock.after(intervalMs * (0.5 + random()), async () => {
      await this.round();
      this.#schedule();
    });
  }

  #open(): Socket {
    if (this.#socket) return this.#socket;
    const socket = createSocket('udp4');
    socket.on('message', (packet) => {
      const id = answeredBy(packet);
      if (id !== undefined) this.#pending.get(id)?.(this.#now());
    });
    // A host that is out of reach is a loss, as an answer that does not come.
    socket.on('error', () => {});
    socket.bind(0, this.#options.from);
    socket.unref();
    this.#socket = socket;
    return socket;
  }

  /** ms there and back; undefined when no answer came. */
  #trip(socket: Socket, { address, port }: Peer): Promise<number | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const id = this.#nextId;
    this.#nextId = (this.#nextId % 0xffff_ffff) + 1;
    return new Promise((resolve) => {
      const sentAt = this.#now();
      const finish = (at: number | undefined): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(at === undefined ? undefined : at - sentAt);
      };
      const timer = setTimeout(() => finish(undefined), answerMs);
      this.#pending.set(id, finish);
      socket.send(probePacket(id), port, address, () => {});
    });
  }
}

/** Bytes per second between the first part of a transfer and its last; undefined when it did not come, or came in one part. */
function throughput({ address, port }: Peer, from: string | undefined, now: () => number): Promise<number | undefined> {
  return new Promise((resolve) => {
    let first: number | undefined;
    let last = 0;
    let bytes = 0;
    const connection = connect({ host: address, port, localAddress: from });
    const timer = setTimeout(() => connection.destroy(), transferMs + answerMs);
    connection.on('data', (chunk: Buffer) => {
      last = now();
      // What came with the first part was under way before the clock was looked at.
      if (first === undefined) first = last;
      else bytes += chunk.length;
      if (bytes > transferBytes) connection.destroy();
    });
    connection.on('error', () => connection.destroy());
    connection.on('close', () => {
      clearTimeout(timer);
      const seconds = first === undefined ? 0 : (last - first) / 1000;
      resolve(bytes === 0 || seconds <= 0 ? undefined : bytes / seconds);
    });
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Fisher and Yates. */
function shuffled<T>(items: T[], random: () => number): T[] {
  for (let index = items.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [items[index], items[other]] = [items[other]!, items[index]!];
  }
  return items;
}
