import { type ApplicationStatus, type Heartbeat, roleOf, type Telemetry } from '../../agents/bus/messages.ts';
import type { SeriesKey } from '../contract/telemetry.ts';
import type { Topology } from '../contract/topology.ts';

/** Beats that may be missed before an agent is taken for dead. */
const missedBeats = 3;
/** Readings of a component that went elsewhere are not its state any more. */
export const staleReadingMs = 15_000;
/** A removed application is shown for so long. */
const removedMs = 10_000;

export interface LiveReading {
  key: SeriesKey;
  source: string;
  time: number;
  value: number;
}

type AgentLife = Topology['agents'][number] & { lastHeartbeat: number };

/** What is known now of a running testbed, from what its agents say. Ages are told by our own clock: theirs may be off. */
export class LiveState {
  readonly #now: () => number;
  readonly #told: boolean;
  #toldUntil: number | null = null;
  readonly #agents = new Map<string, { heartbeat: Heartbeat; heardAt: number }>();
  readonly #readings = new Map<string, { value: number; time: number; heardAt: number }>();
  readonly #applications = new Map<string, { status: ApplicationStatus; heardAt: number }>();

  /** `told`: the testbed has a time of its own (a twin, at its speed), which is known from what it tells. */
  constructor(now: () => number, told = false) {
    this.#now = now;
    this.#told = told;
  }

  /** Now, ms since the epoch, by the clock that readings and decisions of this testbed are dated by; null while nothing has told of that clock. */
  time(): number | null {
    return this.#told ? this.#toldUntil : this.#now();
  }

  hearHeartbeat(heartbeat: Heartbeat): void {
    this.#toldUntil = Math.max(this.#toldUntil ?? heartbeat.time, heartbeat.time);
    this.#agents.set(heartbeat.agent, { heartbeat, heardAt: this.#now() });
  }

  /** Takes the readings, and gives them as the store and watchers want them. */
  hearTelemetry({ node, time, samples }: Telemetry): LiveReading[] {
    const heardAt = this.#now();
    this.#toldUntil = Math.max(this.#toldUntil ?? time, time);
    return samples.map(({ metric, value, peer, component: of = '', application = '', source = 'measured' }) => {
      // A link is told apart from the node's other links as a component is from others.
      const component = peer === undefined ? of : `${node} → ${peer}`;
      this.#readings.set(`${metric}|${node}|${component}`, { value, time, heardAt });
      return { key: { metric, node, component, application }, source, time, value };
    });
  }

  hearApplication(status: ApplicationStatus): void {
    this.#applications.set(`${status.cluster}/${status.application}`, { status, heardAt: this.#now() });
  }

  /** Nothing could be told for so long, as time stood still in a twin: nobody is the later for it. */
  stoodStill(ms: number): void {
    for (const told of [this.#agents, this.#readings, this.#applications]) for (const one of told.values()) one.heardAt += ms;
  }

  agents(): AgentLife[] {
    const now = this.#now();
    return [...this.#agents.values()]
      .map(({ heartbeat, heardAt }) => {
        const { agent, layer, cluster, node, version, intervalMs } = heartbeat;
        const alive = now - heardAt <= missedBeats * intervalMs;
        const role = alive ? roleOf(heartbeat) : undefined;
        return {
          agent,
          layer,
          cluster,
          node,
          version,
          lastHeartbeat: this.#told ? heartbeat.time : heardAt,
          alive,
          ...(role && { role }),
        };
      })
      .sort((a, b) => a.agent.localeCompare(b.agent));
  }

  applications(): ApplicationStatus[] {
    const now = this.#now();
    return [...this.#applications.values()]
      .filter(({ status, heardAt }) => status.state !== 'removed' || now - heardAt < removedMs)
      .map(({ status }) => status)
      .sort((a, b) => a.application.localeCompare(b.application));
  }

  /** Latest readings by "metric|node|component"; those that nobody tells any more are left out. */
  readings(): Topology['readings'] {
    const oldest = this.#now() - staleReadingMs;
    const fresh: Topology['readings'] = {};
    for (const [id, { value, time, heardAt }] of this.#readings) if (heardAt >= oldest) fresh[id] = { value, time };
    return fresh;
  }

  /** The value that a node told last, however long ago: for facts such as its number of cores. */
  fact(metric: string, node: string): number | null {
    return this.#readings.get(`${metric}|${node}|`)?.value ?? null;
  }
}
