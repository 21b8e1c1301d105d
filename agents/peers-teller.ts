import type { Bus } from './bus/bus.ts';
import { replySchema } from './bus/messages.ts';
import { peersRequestSchema } from './bus/requests.ts';
import { subjects } from './bus/subjects.ts';
import type { Log } from './config.ts';

const answerMs = 2000;
/** Of a ring of all nodes by name, so many to each side: every node is probed by as many, however large the cluster. */
const eachSide = 4;

interface NodeAddress {
  name: string;
  address?: string;
}

export type Peers = { node: string; address: string }[];

/** Nodes that each node probes, and that probe it. */
export function peersOf(nodes: readonly NodeAddress[]): Map<string, Peers> {
  const ring = nodes
    .flatMap(({ name, address }) => (address === undefined ? [] : [{ node: name, address }]))
    .sort((a, b) => (a.node < b.node ? -1 : 1));
  const steps = Array.from({ length: eachSide }, (_, index) => index + 1).flatMap((step) => [-step, step]);
  return new Map(
    ring.map(({ node }, at) => {
      const places = new Set(steps.map((step) => (((at + step) % ring.length) + ring.length) % ring.length));
      places.delete(at);
      return [node, [...places].sort((a, b) => a - b).map((place) => ring[place]!)];
    }),
  );
}

/** Works out anew who probes whom when nodes or addresses have changed: with a thousand nodes that is not for every second. */
export function followPeers(): (nodes: readonly NodeAddress[]) => Map<string, Peers> {
  let known = '';
  let peers = new Map<string, Peers>();
  return (nodes) => {
    const now = nodes.map(({ name, address }) => `${name} ${address}`).join();
    if (now !== known) peers = peersOf(nodes);
    known = now;
    return peers;
  };
}

/** Tells each node agent its peers, when they change, and again after the agent has restarted. */
export class PeersTeller {
  readonly #bus: Bus;
  readonly #log: Log;
  readonly #told = new Map<string, { peers: Peers; text: string }>();
  readonly #telling = new Set<string>();
  readonly #failing = new Set<string>();

  constructor(bus: Bus, log: Log) {
    this.#bus = bus;
    this.#log = log;
  }

  /** The agent has restarted and knows nothing. */
  forget(agent: string): void {
    this.#told.delete(agent);
  }

  tell(agent: string, peers: Peers): void {
    const before = this.#told.get(agent);
    // An agent that has just started probes nobody anyway.
    if (before?.peers === peers || (!before && peers.length === 0) || this.#telling.has(agent)) return;
    const text = JSON.stringify(peers);
    if (before?.text !== text) void this.#tell(agent, peers, text);
  }

  async #tell(agent: string, peers: Peers, text: string): Promise<void> {
    this.#telling.add(agent);
    try {
      await this.#bus.request(subjects.request(agent, 'peers'), peersRequestSchema, { peers }, replySchema, answerMs);
      this.#told.set(agent, { peers, text });
      this.#failing.delete(agent);
    } catch (error) {
      // Its next heartbeat has us try again.
      if (!this.#failing.has(agent)) this.#log('warn', `${agent} could not be told its peers`, { error: String(error) });
      this.#failing.add(agent);
    } finally {
      this.#telling.delete(agent);
    }
  }
}
