import type { z } from 'zod';
import type { Bus, Subscription } from '../bus/bus.ts';
import { genuine, originOf } from '../bus/genuine.ts';
import { type Heartbeat, heartbeatSchema, roleOf } from '../bus/messages.ts';
import { subjects } from '../bus/subjects.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../config.ts';
import type { agentSchema } from './endpoints/agents.ts';

export type KnownAgent = z.infer<typeof agentSchema>;

/** Beats that may be missed before an agent is taken for dead, as everywhere in the framework. */
const missedBeats = 3;
const lookMs = 1000;

/** All agents that were heard, by name, and word of each that comes, starts anew, falls silent or is back. Ages are told by our own clock. */
export class AgentWatch {
  readonly #heard = new Map<string, { heartbeat: Heartbeat; at: number }>();
  readonly #alive = new Set<string>();
  readonly #clock: Clock;
  readonly #onChange: (agent: KnownAgent) => void;
  readonly #owned: Subscription[];

  constructor(bus: Bus, clock: Clock, log: Log, onChange: (agent: KnownAgent) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#owned = [
      bus.subscribe(
        subjects.all.heartbeats,
        heartbeatSchema,
        genuine(originOf.heartbeat, (heartbeat) => this.#hear(heartbeat), log),
      ),
      clock.every(lookMs, () => this.#look()),
    ];
  }

  all(): KnownAgent[] {
    return [...this.#heard.keys()].sort().flatMap((name) => this.find(name) ?? []);
  }

  find(name: string): KnownAgent | undefined {
    const known = this.#heard.get(name);
    if (!known) return undefined;
    const { heartbeat, at } = known;
    const { agent, layer, cluster, node, version, startedAt, intervalMs } = heartbeat;
    const alive = this.#clock.now() - at <= missedBeats * intervalMs;
    const role = alive ? roleOf(heartbeat) : undefined;
    return {
      agent,
      layer,
      cluster,
      ...(node !== undefined && { node }),
      version,
      alive,
      lastHeartbeat: at,
      startedAt,
      ...(role && { role }),
    };
  }

  close(): void {
    for (const one of this.#owned) one.close();
  }

  #hear(heartbeat: Heartbeat): void {
    const before = this.#heard.get(heartbeat.agent);
    this.#heard.set(heartbeat.agent, { heartbeat, at: this.#clock.now() });
    const isAnew = before?.heartbeat.startedAt !== heartbeat.startedAt;
    const takesOver = before !== undefined && before.heartbeat.standby !== heartbeat.standby;
    if (isAnew || takesOver || !this.#alive.has(heartbeat.agent)) this.#tell(heartbeat.agent, true);
  }

  #look(): void {
    for (const name of [...this.#alive]) if (!this.find(name)?.alive) this.#tell(name, false);
  }

  #tell(name: string, alive: boolean): void {
    if (alive) this.#alive.add(name);
    else this.#alive.delete(name);
    const agent = this.find(name);
    if (agent) this.#onChange(agent);
  }
}
