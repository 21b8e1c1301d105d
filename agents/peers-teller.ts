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

/** Nodes that a node probes, and that probe it. */
export function peersOf(node: string, nodes: readonly NodeAddress[]): { node: string; address: string }[] {
  const ring = nodes
    .flatMap(({ name, address }) => (address === undefined ? [] : [{ node: name, address }]))
    .sort((a, b) => (a.node < b.node ? -1 : 1));
  const at = ring.findIndex((one) => one.node === node);
  if (at < 0) return [];
  const near = Array.from({ length: 2 * eachSide }, (_, index) => (index < eachSide ? index - eachSide : index - eachSide + 1));
  const places = new Set(near.map((step) => (((at + step) % ring.length) + ring.length) % ring.length));
  places.delete(at);
  return [...places].sort((a, b) => a - b).map((place) => ring[place]!);
}

/** Tells each node agent its peers, when they change, and again after the agent has restarted. */
export class PeersTeller {
  readonly #bus: Bus;
  readonly #log: Log;
  readonly #told = new Map<string, string>();
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

  async tell(agent: string, peers: { node: string; address: string }[]): Promise<void> {
    const text = JSON.stringify(peers);
    if (this.#told.get(agent) === text || this.#telling.has(agent)) return;
    this.#telling.add(agent);
    try {
      await this.#bus.request(subjects.request(agent, 'peers'), peersRequestSchema, { peers }, replySchema, answerMs);
      this.#told.set(agent, text);
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
