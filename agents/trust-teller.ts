import type { Bus } from './bus/bus.ts';
import { telemetrySchema } from './bus/messages.ts';
import { subjects } from './bus/subjects.ts';
import type { Log } from './config.ts';
import type { NodeSituation } from './policies/situation.ts';

/** It is repeated so often for who comes late; readings are forgotten after 15 s. */
const everyMs = 5000;
/** A change that is worth telling before. */
const change = 0.01;

/** Tells how far the cluster's agent trusts each node, as a reading of that node: nobody else is asked, least of all the node. */
export class TrustTeller {
  readonly #bus: Bus;
  readonly #log: Log;
  readonly #from: { agent: string; cluster: string };
  readonly #told = new Map<string, { value: number; at: number }>();
  #isFailing = false;

  constructor(bus: Bus, log: Log, from: { agent: string; cluster: string }) {
    this.#bus = bus;
    this.#log = log;
    this.#from = from;
  }

  /** @param now ms since the epoch */
  async tell(nodes: readonly Pick<NodeSituation, 'name' | 'trustLevel'>[], now: number): Promise<void> {
    const names = new Set(nodes.map(({ name }) => name));
    for (const name of this.#told.keys()) if (!names.has(name)) this.#told.delete(name);
    try {
      for (const { name: node, trustLevel: value } of nodes) {
        if (value === undefined) continue;
        const told = this.#told.get(node);
        if (told && now - told.at < everyMs && Math.abs(value - told.value) < change) continue;
        this.#told.set(node, { value, at: now });
        const samples = [{ metric: 'trust_level', value, source: 'assessed' }];
        const { agent, cluster } = this.#from;
        await this.#bus.publish(subjects.telemetry(cluster, node), telemetrySchema, { agent, cluster, node, time: now, samples });
      }
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#log('warn', 'trust in nodes could not be told', { error: String(error) });
      this.#isFailing = true;
    }
  }
}
