import { rm } from 'node:fs/promises';
import { type CertificateValue, readCertificates } from '../../provisioning/day2/certificates.ts';
import type { RecipeOptions } from '../../provisioning/phases/support/options.ts';
import { kubeconfigFile } from '../../provisioning/phases/support/state.ts';
import { makeRecipe } from '../../provisioning/recipe.ts';
import type { PlanValue } from '../../provisioning/run/events.ts';
import type { Choice } from '../../provisioning/run/options.ts';
import type { Testbed } from '../../provisioning/testbed/schema.ts';
import { ContractError } from '../contract/contract.ts';
import type { OperationInput } from '../contract/testbeds.ts';
import { deployApplication } from './applications.ts';
import { checkBundlePath, doublesIn } from './create.ts';
import type { Live } from './live.ts';
import type { Lives } from './lives.ts';
import type { LocalTestbeds } from './local-testbeds.ts';
import { makeOperation, verbOf } from './operations.ts';
import {
  type HostsRunOptions,
  hostsCheck,
  hostsPlan,
  hostsRun,
  operationRun,
  type RunWishes,
  recipeOptions,
} from './run-hosts.ts';
import type { RunWords } from './run-summaries.ts';
import { twinDown, twinPlan, twinUp } from './run-twin.ts';
import type { Runs } from './runs.ts';
import type { SshPools } from './ssh.ts';
import type { TestbedEntry, Testbeds } from './testbeds.ts';
import { controlsOf, type RememberedTwin, TwinMemory } from './twin-memory.ts';
import type { Twins } from './twins.ts';

export interface LifecycleServices {
  testbeds: Testbeds;
  runs: Runs;
  lives: Lives;
  twins: Twins;
  ssh: SshPools;
  local: LocalTestbeds;
  distFolder: string;
  assetsFolder: string;
  env: NodeJS.ProcessEnv;
  log(text: string): void;
}

/** Bringing testbeds up and down: which kind of run that is, and what of the core follows from it. */
export class Lifecycle {
  readonly #services: LifecycleServices;

  constructor(services: LifecycleServices) {
    this.#services = services;
  }

  /** @throws ContractError run-in-flight; for a twin, not-for-twins when it is told more than to start */
  async up(entry: TestbedEntry, { bundle, ...wishes }: RunWishes & { bundle?: string | undefined } = {}): Promise<string> {
    const { runs, testbeds } = this.#services;
    const { name, kind } = entry.testbed;
    if (bundle !== undefined && kind !== 'twin' && runs.current(name) === null) {
      checkBundlePath(bundle);
      // Read before it is written down: a wrong folder would be in the way of every later run.
      await doublesIn(bundle);
      await testbeds.rewrite(name, { ...entry.testbed, artefacts: { ...entry.testbed.artefacts, bundle } });
    }
    if (kind !== 'twin') {
      const choice = this.#choiceOf(entry, wishes);
      const part = Object.values(choice).some((some) => some !== undefined);
      // A part that is up does not make the whole so.
      const ends = { done: part ? entry.remembered.state : ('up' as const), otherwise: 'failed' as const };
      const { only, skip, hosts } = choice;
      const words = { verb: 'up' as const, only: copy(only), skip: copy(skip), hosts: copy(hosts) };
      return runs.start(entry, 'up', words, hostsRun('up', this.#hosts(entry), { ...wishes, ...choice }), ends);
    }
    if (Object.values(wishes).some((wish) => wish !== undefined)) throw notForTwins(name);
    return this.#startTwin(entry);
  }

  /** Starts a twin again whose core has crashed, with its applications and as it was last commanded. @throws ContractError run-in-flight */
  async restoreTwin(entry: TestbedEntry): Promise<string> {
    const remembered = await new TwinMemory(entry.folder.twin).read();
    return this.#startTwin(entry, remembered);
  }

  #startTwin(entry: TestbedEntry, remembered: RememberedTwin | null = null): Promise<string> {
    const { runs, twins, lives, testbeds, log } = this.#services;
    const { name } = entry.testbed;
    const work = twinUp({
      entry,
      start: () =>
        twins.start(
          entry,
          remembered,
          // Held as long as the twin runs: nobody else keeps what its agents say.
          async () => void (await (await lives.open(entry)).hold()),
          (error) => {
            log(`${name}: ${error.message}`);
            void lives.drop(name);
            const change = { state: 'failed', trouble: `it ended by itself: ${error.message}` } as const;
            testbeds.update(name, change).catch((reason: Error) => log(`${name}: ${reason.message}`));
          },
        ),
      alive: async () => alive(await lives.open(entry)),
    });
    return runs.start(entry, 'up', { verb: 'up' }, async (scope) => {
      const stop = () => void this.#stopTwin(name);
      scope.signal.addEventListener('abort', stop, { once: true });
      try {
        await work(scope);
      } catch (error) {
        // Half a twin is none.
        await this.#stopTwin(name);
        throw error;
      } finally {
        scope.signal.removeEventListener('abort', stop);
      }
      // Only now: agents of nodes that are off, or of a twin that stands still, would not be heard.
      if (remembered) for (const control of controlsOf(remembered)) await twins.control(name, control);
    });
  }

  /** @throws ContractError run-in-flight */
  async down(entry: TestbedEntry, wishes: Pick<RunWishes, 'takeOver'> = {}): Promise<string> {
    const { runs, lives } = this.#services;
    const { name, kind } = entry.testbed;
    const words = { verb: 'down' as const };
    if (kind === 'twin') return runs.start(entry, 'down', words, twinDown({ entry, stop: () => this.#stopTwin(name) }));
    const work = hostsRun('down', this.#hosts(entry), wishes);
    return runs.start(entry, 'down', words, async (scope) => {
      await lives.drop(name);
      // Clusters that are made anew have other keys: what is left of these would be taken for theirs.
      for (const cluster of apisOf(entry.testbed)) await rm(kubeconfigFile(entry.folder.secrets, cluster), { force: true });
      await work(scope);
    });
  }

  /** What a run was asked for, asked for again. @throws ContractError run-in-flight */
  again(entry: TestbedEntry, { verb, ...words }: RunWords, wishes: Pick<RunWishes, 'takeOver'> = {}): Promise<string> {
    if ('operation' in words) return this.operate(entry, words.operation, wishes);
    return verb === 'down' ? this.down(entry, wishes) : this.up(entry, { ...words, ...wishes });
  }

  /** What "up" would change; changes nothing, but starts local hosts that do not run. @throws Failure */
  async plan(entry: TestbedEntry, choice: Choice = {}): Promise<PlanValue> {
    const { kind, name } = entry.testbed;
    return kind === 'twin' ? twinPlan(entry, this.#services.twins.find(name) !== null) : hostsPlan(this.#hosts(entry), choice);
  }

  /** What preflight says of the hosts. @throws ContractError not-for-twins; Failure */
  async check(entry: TestbedEntry): Promise<PlanValue> {
    if (entry.testbed.kind === 'twin') throw notForTwins(entry.testbed.name);
    return hostsCheck(this.#hosts(entry));
  }

  /** An operation of day two. @throws ContractError run-in-flight, not-for-twins */
  async operate(entry: TestbedEntry, operation: OperationInput, wishes: Pick<RunWishes, 'takeOver'> = {}): Promise<string> {
    const { runs, lives, testbeds, local, ssh, env } = this.#services;
    const { name, kind } = entry.testbed;
    if (kind === 'twin') throw notForTwins(name);
    const { artefacts } = entry.testbed;
    const write = async (testbed: Testbed) => {
      // A bundle of the environment is none of the testbed's own.
      const own = testbed.artefacts.bundle === env.MLSYSOPS_BUNDLE ? artefacts.bundle : testbed.artefacts.bundle;
      await testbeds.rewrite(name, { ...testbed, artefacts: { ...testbed.artefacts, bundle: own } });
    };
    const make = async (testbed: Testbed, recipe: RecipeOptions) =>
      makeOperation(operation, testbed, recipe, {
        sshOptions: ssh.optionsOf(entry),
        // A further host on this computer is made first: its address is found out by that.
        prepare: async (host) => {
          if (kind !== 'local') return host;
          const made = await local.make(entry.folder, { ...testbed, hosts: [...testbed.hosts, host] });
          return made.hosts.find((one) => one.name === host.name) ?? host;
        },
      });
    const before = entry.remembered.state;
    // Where it stops, the testbed is what it was; a host that was reset alone leaves one that is not whole.
    const ends = { done: operation.kind === 'reset-host' ? ('failed' as const) : ('up' as const), otherwise: before };
    return runs.start(
      entry,
      verbOf(operation),
      { verb: 'operate', operation },
      async (scope) => {
        try {
          await operationRun(make, this.#hosts(entry), write, wishes)(scope);
        } finally {
          // Hosts, addresses and certificates may be others now: who looks, connects anew.
          await lives.drop(name);
        }
      },
      ends,
    );
  }

  /** When certificates of its hosts end, the next one first. @throws ContractError not-for-twins; Failure unreachable */
  async certificates(entry: TestbedEntry): Promise<CertificateValue[]> {
    if (entry.testbed.kind === 'twin') throw notForTwins(entry.testbed.name);
    const { pool, release } = this.#services.ssh.acquire(entry);
    try {
      return await readCertificates(entry.testbed.hosts, async (name, text) => {
        const host = this.#services.testbeds.host(entry.testbed.name, name);
        return (await pool.execute(host, text)).stdout;
      });
    } finally {
      release();
    }
  }

  /** Forgets a testbed; local hosts are destroyed. @throws ContractError not-down */
  async remove(entry: TestbedEntry): Promise<void> {
    const { runs, testbeds, lives, local, twins } = this.#services;
    const { name, kind } = entry.testbed;
    const { state } = entry.remembered;
    // Destroying local hosts takes everything on them along, whatever state it is in.
    const mayGo = kind !== 'hosts' || state === 'new' || state === 'down';
    if (runs.current(name) || state === 'up' || !mayGo)
      throw new ContractError('not-down', `The testbed "${name}" is not down.`, `Take it down first: testbed down ${name}.`);
    await lives.forget(name);
    if (kind === 'twin') await twins.stop(name);
    if (kind === 'local' && !entry.remembered.recording) await local.destroy(name);
    await testbeds.remove(name);
  }

  /** A plan of some phases on some hosts is carried out as such, unless something else was asked for. */
  #choiceOf(entry: TestbedEntry, { only, skip, hosts, plan }: RunWishes): Choice {
    if (plan === undefined || only !== undefined || skip !== undefined || hosts !== undefined) return { only, skip, hosts };
    const { chosen } = plan;
    const phases = makeRecipe(recipeOptions(this.#hosts(entry))).map(({ id }) => id);
    return {
      only: phases.every((phase) => chosen.phases.includes(phase)) ? undefined : chosen.phases,
      hosts: entry.testbed.hosts.every(({ name }) => chosen.hosts.includes(name)) ? undefined : chosen.hosts,
    };
  }

  async #stopTwin(name: string): Promise<void> {
    const { lives, twins } = this.#services;
    const stopped = twins.stop(name);
    await lives.drop(name);
    await stopped;
  }

  #hosts(entry: TestbedEntry): HostsRunOptions {
    const { ssh, lives, distFolder, assetsFolder } = this.#services;
    return {
      testbed: () => this.#withHosts(entry),
      stateFolder: entry.folder.secrets,
      ssh: ssh.optionsOf(entry),
      distFolder,
      assetsFolder,
      deploy: async (description) => void (await deployApplication(await lives.open(entry), description)),
    };
  }

  /** The testbed as it is to be set up: local hosts exist and run, and artefacts come from the bundle of the environment unless it names its own. */
  async #withHosts(entry: TestbedEntry): Promise<Testbed> {
    const { local, testbeds, env } = this.#services;
    if (entry.testbed.kind === 'local') {
      const { hosts } = await local.make(entry.folder, entry.testbed);
      await testbeds.rewrite(entry.testbed.name, { ...entry.testbed, hosts });
    }
    const { testbed } = entry;
    const bundle = testbed.artefacts.bundle ?? (env.MLSYSOPS_BUNDLE || undefined);
    return { ...testbed, artefacts: { ...testbed.artefacts, bundle } };
  }
}

export const notForTwins = (name: string): ContractError =>
  new ContractError(
    'not-for-twins',
    `"${name}" is a twin, which is started and stopped as a whole.`,
    'Use a testbed of hosts for this.',
  );

/** Names under which kubeconfigs are kept: one of each cluster, and Karmada's. */
export const apisOf = ({ hosts }: Testbed): string[] => [...new Set(hosts.map(({ cluster }) => cluster)), 'karmada'];

const copy = (names: readonly string[] | undefined): string[] | undefined => names && [...names];
const alive = (live: Live): string[] => live.state.agents().flatMap((agent) => (agent.alive ? [agent.agent] : []));
