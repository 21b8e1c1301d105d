import type { Bus, Subscription } from './bus/bus.ts';
import { genuine, originOf } from './bus/genuine.ts';
import { type Heartbeat, heartbeatSchema } from './bus/messages.ts';
import type { Clock } from './clock.ts';
import type { Log } from './config.ts';

/** Beats that may be missed before an agent is taken for dead. */
const missedBeats = 3;

/** Which agents are alive, by their heartbeats, on the listener's own clock: the sender's may be off. */
export class Liveness {
  readonly #heard = new Map<string, { heartbeat: Heartbeat; at: number }>();
  readonly #subscription: Subscription;
  readonly #clock: Clock;

  /** `onNew` is called when an agent is heard for the first time, or again after a restart. */
  constructor(bus: Bus, subject: string, clock: Clock, log: Log, onNew: (heartbeat: Heartbeat) => void = () => {}) {
    this.#clock = clock;
    const hear = (heartbeat: Heartbeat): void => {
      const before = this.#heard.get(heartbeat.agent);
      this.#heard.set(heartbeat.agent, { heartbeat, at: clock.now() });
      if (before?.heartbeat.startedAt !== heartbeat.startedAt) onNew(heartbeat);
    };
    this.#subscription = bus.subscribe(subject, heartbeatSchema, genuine(originOf.heartbeat, hear, log));
  }

  /** The agent of a node, of a cluster, …: the latest heard that fits. null when none ever was. */
  find(fits: (heartbeat: Heartbeat) => boolean): { agent: string; lastAt: number; alive: boolean } | null {
    let best: { heartbeat: Heartbeat; at: number } | undefined;
    for (const entry of this.#heard.values()) if (fits(entry.heartbeat) && (!best || entry.at > best.at)) best = entry;
    if (!best) return null;
    const alive = this.#clock.now() - best.at <= missedBeats * best.heartbeat.intervalMs;
    return { agent: best.heartbeat.agent, lastAt: best.at, alive };
  }

  close(): void {
    this.#subscription.close();
  }
}
