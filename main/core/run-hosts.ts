import { makeRecipe } from '../../provisioning/recipe.ts';
import type { PlanValue } from '../../provisioning/run/events.ts';
import { Failure } from '../../provisioning/run/failure.ts';
import type { RunContext } from '../../provisioning/run/phase.ts';
import { makePlan } from '../../provisioning/run/plan.ts';
import { startRun } from '../../provisioning/run/run.ts';
import type { SshOptions } from '../../provisioning/ssh/connection.ts';
import type { Testbed } from '../../provisioning/testbed/schema.ts';
import { doublesIn } from './create.ts';
import { pause } from './mailbox.ts';
import type { RunWork } from './runs.ts';

export interface HostsRunOptions {
  /** The testbed with hosts that exist. */
  testbed(): Promise<Testbed>;
  stateFolder: string;
  ssh: SshOptions;
  distFolder: string;
  assetsFolder: string;
  /** Listens on the testbed's own bus. @throws what connecting to it throws */
  listen(): Promise<{ alive(): string[]; close(): void }>;
  /** Hands an application's description to the continuum agent. @throws ContractError */
  deploy(description: string): Promise<void>;
}

const aliveMs = 60_000;
const lookMs = 250;

/** Brings hosts to a testbed, or back. */
export const hostsRun =
  (verb: 'up' | 'down', options: HostsRunOptions): RunWork =>
  async ({ run, journal, tell, signal }) => {
    const testbed = await options.testbed();
    await startRun({
      testbed,
      verb,
      run,
      journal,
      signal,
      phases: recipe(options),
      ssh: options.ssh,
      stateFolder: options.stateFolder,
      doubles: await doublesIn(testbed.artefacts.bundle),
      onEvent: tell,
    });
  };

/** What "up" would change. @throws Failure */
export async function hostsPlan(options: HostsRunOptions): Promise<PlanValue> {
  const testbed = await options.testbed();
  return makePlan({ testbed, phases: recipe(options), ssh: options.ssh, stateFolder: options.stateFolder });
}

const recipe = (options: HostsRunOptions) =>
  makeRecipe({
    distFolder: options.distFolder,
    assetsFolder: options.assetsFolder,
    verifyHooks: [
      (context) => hearAgents(context, options),
      async ({ testbed }) => {
        for (const description of testbed.applications) await options.deploy(description);
      },
    ],
  });

/** Agents that a testbed has: one of each host, one of each cluster's control plane, and the continuum's. */
export const agentsOf = (testbed: Testbed): string[] => [
  'continuum',
  ...[...new Set(testbed.hosts.map(({ cluster }) => cluster))].map((cluster) => `cluster-${cluster}`),
  ...testbed.hosts.map(({ name }) => `node-${name}`),
];

/** Waits until the heartbeat of every agent has come over the bus. @throws Failure naming those that were not heard */
async function hearAgents(context: RunContext, options: HostsRunOptions): Promise<void> {
  const phase = 'verify';
  const listening = await options.listen();
  try {
    const until = Date.now() + aliveMs;
    const wanted = agentsOf(context.testbed);
    for (;;) {
      const alive = listening.alive();
      const silent = wanted.filter((agent) => !alive.includes(agent));
      if (silent.length === 0 || context.signal.aborted) return;
      if (Date.now() > until)
        throw new Failure({
          code: 'step',
          phase,
          step: 'heartbeats',
          cause: `no heartbeat of ${silent.join(', ')} came over the bus within ${aliveMs / 1000} s`,
          remedy: 'See what the agent says on its host: journalctl -u mlsysops-*',
        });
      await pause(lookMs, context.signal);
    }
  } finally {
    listening.close();
  }
}
