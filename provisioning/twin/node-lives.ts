import type { Log } from '../../agents/config.ts';
import type { TwinAgents } from './agents.ts';
import type { TwinHost } from './hosts.ts';
import type { SimulatedKubelets } from './simulation/kubelets.ts';
import type { Fault } from './simulation/surroundings/failures.ts';
import type { World } from './simulation/world.ts';

export interface NodeLivesOptions {
  world: World;
  hosts: readonly TwinHost[];
  kubelets: ReadonlyMap<string, SimulatedKubelets>;
  agents: Pick<TwinAgents, 'startOn' | 'stopOn'>;
  log: Log;
}

/** Takes what befalls nodes to their kubelets and agents: both end with their node, and are not heard while its link is cut. */
export class NodeLives {
  readonly #options: NodeLivesOptions;
  readonly #hosts: ReadonlyMap<string, TwinHost>;
  /** Agents start and stop one after the other on each node. */
  readonly #going = new Map<string, Promise<void>>();
  readonly #subscription: { close(): void };
  #closed = false;

  constructor(options: NodeLivesOptions) {
    const { world, hosts, kubelets } = options;
    this.#options = options;
    this.#hosts = new Map(hosts.map((host) => [host.simulated.name, host]));
    this.#subscription = world.conditions.onChange((node, { up, reachable }) => {
      const own = kubelets.get(this.#hosts.get(node)!.cluster)!;
      own.setReachable(node, reachable);
      if (own.isUp(node) === up) return;
      own.setNode(node, up ? 'up' : 'down');
      this.#settle(node);
    });
  }

  /** Starts the agents of all nodes. */
  async start(): Promise<void> {
    for (const node of this.#hosts.keys()) this.#settle(node);
    await Promise.all(this.#going.values());
  }

  /** Resolves when the agent of a node is as the node is. */
  async settled(node: string): Promise<void> {
    await this.#going.get(node);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#subscription.close();
    await Promise.all(this.#going.values());
  }

  #settle(node: string): void {
    const { agents, world, log } = this.#options;
    const before = this.#going.get(node) ?? Promise.resolve();
    const next = before.then(async () => {
      try {
        // As it is by then: it may have come back meanwhile.
        if (!this.#closed && world.conditions.stateOf(node).up) await agents.startOn(this.#hosts.get(node)!);
        else await agents.stopOn(node);
      } catch (error) {
        log('error', `the agent of ${node} could not follow its node`, { error: String(error) });
      }
    });
    this.#going.set(node, next);
  }
}

const words: Record<Fault['kind'], [begins: string, ends: string]> = {
  crash: ['went off', 'is on again'],
  cut: ['was cut off', 'is connected again'],
  slow: ['became slow', 'is as fast as before'],
  misbehave: ['began to misbehave', 'behaves again'],
};

/** Says in the twin's log what goes wrong. */
export const tellFault =
  (log: Log) =>
  (fault: Fault, isOver: boolean): void =>
    log('info', `${fault.node} ${words[fault.kind][isOver ? 1 : 0]}`, { ...fault });
