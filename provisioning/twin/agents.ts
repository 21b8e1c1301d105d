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
import { managementCluster, memberCluster, type TwinHost } from './hosts.ts';
import { SimulatedSignals } from './simulation/signals.ts';
import type { World } from './simulation/world.ts';

export interface TwinAgentsOptions {
  bus: Bus;
  clock: Clock;
  world: World;
  stateFolder: string;
  /** Texts of kubeconfigs. */
  kubeconfigs: { management: string; karmada: string; cluster1: string };
  /** Where each agent writes its log. */
  log: (agent: string) => Log;
}

/** The real agents, over the twin's bus, clock, APIs and simulated hosts. */
export class TwinAgents {
  readonly #options: TwinAgentsOptions;
  readonly #onNodes = new Map<string, RunningAgent>();
  readonly #others: RunningAgent[] = [];
  /** Of the northbound API. */
  #access: { url: string; token: string } | null = null;

  constructor(options: TwinAgentsOptions) {
    this.#options = options;
  }

  /** @throws Error before `start` */
  get northbound(): { url: string; token: string } {
    if (!this.#access) throw new Error('the continuum agent was not started');
    return this.#access;
  }

  /** Agents of the control planes; those of the nodes follow with `startOn`. */
  async start(): Promise<void> {
    const { bus, clock, kubeconfigs, log, stateFolder } = this.#options;
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
    const cluster = this.#config({ agent: `cluster-${memberCluster}`, layer: 'cluster', cluster: memberCluster });
    const running = await startContinuumAgent({
      config: continuum,
      bus,
      managementKubeConfig: read(kubeconfigs.management),
      karmadaKubeConfig: read(kubeconfigs.karmada),
      clock,
      log: log(continuum.agent),
    });
    this.#others.push(running);
    this.#access = { url: `http://127.0.0.1:${running.northboundPort}`, token };
    this.#others.push(
      await startClusterAgent({
        config: cluster,
        bus,
        kubeConfig: read(kubeconfigs.cluster1),
        clock,
        log: log(cluster.agent),
      }),
    );
  }

  async startOn({ simulated: { name }, cluster }: TwinHost): Promise<void> {
    if (this.#onNodes.has(name)) return;
    const { bus, clock, world, log } = this.#options;
    const config = this.#config({ agent: `node-${name}`, layer: 'node', cluster, node: name });
    const signals = new SimulatedSignals(world, name);
    this.#onNodes.set(name, await startNodeAgent({ config, bus, signals, clock, log: log(config.agent) }));
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

function read(text: string): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(text);
  return kubeConfig;
}
