import type { Bus, Subscription } from './bus/bus.ts';
import { genuine, originOf } from './bus/genuine.ts';
import { type Heartbeat, heartbeatSchema } from './bus/messages.ts';
import type { Clock } from './clock.ts';
import type { Log } from './config.ts';

/** Beats that may be missed before an agent is taken for dead. */
const missedBeats = 3;

interface Heard {
  heartbeat: Heartbeat;
  at: number;
}

export interface LastHeard {
  agent: string;
  lastAt: number;
  alive: boolean;
}

/** Which agents are alive, by their heartbeats, on the listener's own clock: the sender's may be off. */
export class Liveness {
  readonly #heard = new Map<string, Heard>();
  /** Of node agents, by node and agent: a cluster of hundreds is asked for each of its nodes, several times a second. */
  readonly #onNode = new Map<string, Map<string, Heard>>();
  readonly #subscription: Subscription;
  readonly #clock: Clock;

  /** `onNew` is called when an agent is heard for the first time, or again after a restart. */
  constructor(bus: Bus, subject: string, clock: Clock, log: Log, onNew: (heartbeat: Heartbeat) => void = () => {}) {
    this.#clock = clock;
    const hear = (heartbeat: Heartbeat): void => {
      const before = this.#heard.get(heartbeat.agent);
      const heard = { heartbeat, at: clock.now() };
      this.#heard.set(heartbeat.agent, heard);
      this.#place(heard, before?.heartbeat);
      if (before?.heartbeat.startedAt !== heartbeat.startedAt) onNew(heartbeat);
    };
    this.#subscription = bus.subscribe(subject, heartbeatSchema, genuine(originOf.heartbeat, hear, log));
  }

  /** The agent of a node, of a cluster, …: the latest heard that fits. null when none ever was. */
  find(fits: (heartbeat: Heartbeat) => boolean): LastHeard | null {
    return this.#latest([...this.#heard.values()].filter(({ heartbeat }) => fits(heartbeat)));
  }

  /** The agent on a node: the latest heard. null when none ever was. */
  ofNode(node: string): LastHeard | null {
    return this.#latest(this.#onNode.get(node)?.values() ?? []);
  }

  #place(heard: Heard, before: Heartbeat | undefined): void {
    const { agent, layer, node } = heard.heartbeat;
    if (before?.node !== undefined && (before.node !== node || before.layer !== layer)) {
      const former = this.#onNode.get(before.node);
      former?.delete(agent);
      if (former?.size === 0) this.#onNode.delete(before.node);
    }
    if (layer !== 'node' || node === undefined) return;
    const here = this.#onNode.get(node);
    if (here) here.set(agent, heard);
    else this.#onNode.set(node, new Map([[agent, heard]]));
  }

  #latest(heard: Iterable<Heard>): LastHeard | null {
    let best: Heard | undefined;
    for (const entry of heard) if (!best || entry.at > best.at) best = entry;
    if (!best) return null;
    const alive = this.#clock.now() - best.at <= missedBeats * best.heartbeat.intervalMs;
    return { agent: best.heartbeat.agent, lastAt: best.at, alive };
  }

  close(): void {
    this.#subscription.close();
  }
}
