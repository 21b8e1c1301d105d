import type { Operation } from '../../provisioning/day2/operation.ts';
import { standbyAgent } from '../../provisioning/phases/bus/users.ts';
import type { RecipeOptions } from '../../provisioning/phases/support/options.ts';
import { makeRecipe } from '../../provisioning/recipe.ts';
import type { PlanValue } from '../../provisioning/run/events.ts';
import { defaultLease } from '../../provisioning/run/leases.ts';
import type { Choice, RunOptions } from '../../provisioning/run/options.ts';
import { makePlan } from '../../provisioning/run/plan.ts';
import { startRun } from '../../provisioning/run/run.ts';
import type { SshOptions } from '../../provisioning/ssh/connection.ts';
import type { Testbed } from '../../provisioning/testbed/schema.ts';
import { doublesIn } from './create.ts';
import type { RunScope, RunWork } from './runs.ts';

export interface HostsRunOptions {
  /** The testbed with hosts that exist. */
  testbed(): Promise<Testbed>;
  stateFolder: string;
  ssh: SshOptions;
  distFolder: string;
  assetsFolder: string;
  /** Hands an application's description to the continuum agent. @throws ContractError */
  deploy(description: string): Promise<void>;
}

/** What a run may be told besides what it is about. */
export interface RunWishes extends Choice {
  plan?: PlanValue | undefined;
  takeOver?: boolean | undefined;
}

/** Brings hosts to a testbed, or back. */
export const hostsRun =
  (verb: 'up' | 'down', options: HostsRunOptions, wishes: RunWishes = {}): RunWork =>
  async (scope) => {
    const testbed = await options.testbed();
    await carryOut({ testbed, verb, phases: makeRecipe(recipeOptions(options)) }, options, wishes, scope);
  };

/**
 * Carries out an operation of day two. `write` is told what the testbed is while it goes on, and once it is done.
 * @throws Failure (refused)
 */
export const operationRun =
  (
    make: (testbed: Testbed, recipe: RecipeOptions) => Promise<Operation>,
    options: HostsRunOptions,
    write: (testbed: Testbed) => Promise<void>,
    wishes: RunWishes = {},
  ): RunWork =>
  async (scope) => {
    const operation = await make(await options.testbed(), recipeOptions(options));
    const { hosts, before, after } = operation;
    await write(before);
    const state = await carryOut(operation, options, { ...wishes, ...(hosts === undefined ? {} : { hosts }) }, scope);
    if (state === 'done') await write(after);
  };

async function carryOut(
  what: Pick<RunOptions, 'testbed' | 'verb' | 'phases'>,
  options: HostsRunOptions,
  { takeOver, ...wishes }: RunWishes,
  { run, journal, tell, signal, gate }: RunScope,
): Promise<string> {
  const { stateFolder, ssh } = options;
  const lease = { ...defaultLease(stateFolder), takeOver };
  const doubles = await doublesIn(what.testbed.artefacts.bundle);
  const { testbed, verb, phases } = what;
  const finished = await startRun({
    testbed,
    verb,
    phases,
    ...wishes,
    lease,
    run,
    journal,
    signal,
    gate,
    ssh,
    stateFolder,
    doubles,
    onEvent: tell,
  });
  return finished.state;
}

/** What "up" would change. @throws Failure */
export async function hostsPlan(options: HostsRunOptions, choice: Choice = {}): Promise<PlanValue> {
  const { ssh, stateFolder } = options;
  const testbed = await options.testbed();
  return makePlan({ testbed, phases: makeRecipe(recipeOptions(options)), ssh, stateFolder, ...choice });
}

/** What preflight says: a plan that no phase has a part in. @throws Failure */
export async function hostsCheck(options: HostsRunOptions): Promise<PlanValue> {
  const { ssh, stateFolder } = options;
  return makePlan({ testbed: await options.testbed(), phases: [], ssh, stateFolder, goOn: true });
}

export const recipeOptions = (options: Pick<HostsRunOptions, 'distFolder' | 'assetsFolder' | 'deploy'>): RecipeOptions => ({
  distFolder: options.distFolder,
  assetsFolder: options.assetsFolder,
  smoke: true,
  verifyHooks: [
    async ({ testbed }) => {
      for (const description of testbed.applications) await options.deploy(description);
    },
  ],
});

/** Agents that a testbed has: one of each host, one of each cluster's control plane, and the continuum's. */
export const agentsOf = (testbed: Testbed): string[] => [
  'continuum',
  ...[...new Set(testbed.hosts.map(({ cluster }) => cluster))].map((cluster) => `cluster-${cluster}`),
  ...Object.entries(testbed.clusters).flatMap(([cluster, { standby }]) => (standby === undefined ? [] : standbyAgent(cluster))),
  ...testbed.hosts.map(({ name }) => `node-${name}`),
];
