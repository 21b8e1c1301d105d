import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import type { z } from 'zod';
import type { Bus } from '../../agents/bus/bus.ts';
import type { Clock } from '../../agents/clock.ts';
import { startClusterAgent } from '../../agents/cluster.ts';
import { type AgentConfig, agentConfigSchema, type Log, type RunningAgent } from '../../agents/config.ts';
import { startContinuumAgent } from '../../agents/continuum.ts';
import { startNodeAgent } from '../../agents/node.ts';
import { peersOf } from '../../agents/peers-teller.ts';
import { managementCluster, type TwinHost } from './hosts.ts';
import { LinkedBus } from './linked-bus.ts';
import { describeTwinHost } from './plan.ts';
import { SimulatedSignals } from './simulation/signals.ts';
import type { World } from './simulation/world.ts';
import { WorldFrequency } from './simulation/world-frequency.ts';

export interface TwinAgentsOptions {
  bus: Bus;
  clock: Clock;
  world: World;
  stateFolder: string;
  hosts: readonly TwinHost[];
  /** Texts of kubeconfigs by cluster, and "karmada". */
  kubeconfigs: Readonly<Record<string, string>>;
  /** Where each agent writes its log. */
  log: (agent: string) => Log;
}

/** The real agents, over the twin's bus, clock, APIs and simulated hosts. */
export class TwinAgents {
  readonly #options: TwinAgentsOptions;
  readonly #onNodes = new Map<string, RunningAgent>();
  readonly #others: RunningAgent[] = [];
  readonly #peers = new Map<string, string[]>();
  /** Of the northbound API. */
  #access: { url: string; token: string } | null = null;

  constructor(options: TwinAgentsOptions) {
    this.#options = options;
    for (const cluster of new Set(options.hosts.map((host) => host.cluster))) {
      const own = options.hosts.filter((host) => host.cluster === cluster);
      const ring = peersOf(own.map(({ simulated, address }) => ({ name: simulated.name, address })));
      for (const [node, peers] of ring)
        this.#peers.set(
          node,
          peers.map((peer) => peer.node),
        );
    }
  }

  /** @throws Error before `start` */
  get northbound(): { url: string; token: string } {
    if (!this.#access) throw new Error('the continuum agent was not started');
    return this.#access;
  }

  /** Agents of the control planes; those of the nodes follow with `startOn`. */
  async start(): Promise<void> {
    const { bus, clock, hosts, kubeconfigs, log, stateFolder } = this.#options;
    const token = randomBytes(24).toString('base64url');
    const tokenFile = join(stateFolder, 'northbound.token');
    await writeFile(tokenFile, token, { mode: 0o600 });
    const continuum = this.#config({
      agent: 'continuum',
      layer: 'continuum',
      cluster: managementCluster,
      // Any free port: twins are many.
      northbound: { port: 0, tokenFile },
    });
    const running = await startContinuumAgent({
      config: continuum,
      bus,
      managementKubeConfig: read(kubeconfigs, managementCluster),
      karmadaKubeConfig: read(kubeconfigs, 'karmada'),
      clock,
      log: log(continuum.agent),
    });
    this.#others.push(running);
    this.#access = { url: `http://127.0.0.1:${running.northboundPort}`, token };
    for (const cluster of new Set(hosts.map((host) => host.cluster))) {
      if (cluster === managementCluster) continue;
      const config = this.#config({ agent: `cluster-${cluster}`, layer: 'cluster', cluster });
      const kubeConfig = read(kubeconfigs, cluster);
      this.#others.push(await startClusterAgent({ config, bus, kubeConfig, clock, log: log(config.agent) }));
    }
  }

  async startOn(host: TwinHost): Promise<void> {
    const { cluster } = host;
    const { name } = host.simulated;
    if (this.#onNodes.has(name)) return;
    const { clock, world, log } = this.#options;
    const bus = new LinkedBus(this.#options.bus, () => world.conditions.stateOf(name).reachable);
    const config = this.#config({ agent: `node-${name}`, layer: 'node', cluster, node: name });
    const signals = new SimulatedSignals(world, name, this.#peers.get(name));
    const agent = await startNodeAgent({
      config,
      bus,
      signals,
      clock,
      log: log(config.agent),
      description: describeTwinHost(host),
      mechanisms: [new WorldFrequency(world, name)],
    });
    this.#onNodes.set(name, agent);
  }

  async stopOn(node: string): Promise<void> {
    const agent = this.#onNodes.get(node);
    this.#onNodes.delete(node);
    await agent?.stop();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#onNodes.values(), ...this.#others].map((agent) => agent.stop()));
  }

  #config(own: z.input<typeof agentConfigSchema>): AgentConfig {
    return agentConfigSchema.parse({ ...own, stateFolder: this.#options.stateFolder });
  }
}

function read(texts: Readonly<Record<string, string>>, cluster: string): KubeConfig {
  const text = texts[cluster];
  if (text === undefined) throw new RangeError(`there is no kubeconfig of ${cluster}`);
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(text);
  return kubeConfig;
}
