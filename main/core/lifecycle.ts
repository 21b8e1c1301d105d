import { rm } from 'node:fs/promises';
import { kubeconfigFile } from '../../provisioning/phases/support/state.ts';
import type { PlanValue } from '../../provisioning/run/events.ts';
import type { Testbed } from '../../provisioning/testbed/schema.ts';
import { ContractError } from '../contract/contract.ts';
import { deployApplication } from './applications.ts';
import type { Live } from './live.ts';
import type { Lives } from './lives.ts';
import type { LocalTestbeds } from './local-testbeds.ts';
import { type HostsRunOptions, hostsPlan, hostsRun } from './run-hosts.ts';
import { twinDown, twinPlan, twinUp } from './run-twin.ts';
import type { Runs } from './runs.ts';
import type { SshPools } from './ssh.ts';
import type { TestbedEntry, Testbeds } from './testbeds.ts';
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

  /** @throws ContractError run-in-flight */
  up(entry: TestbedEntry): Promise<string> {
    const { runs, twins, lives, testbeds, log } = this.#services;
    const { name, kind } = entry.testbed;
    if (kind !== 'twin') return runs.start(entry, 'up', hostsRun('up', this.#hosts(entry)));
    const work = twinUp({
      entry,
      start: () =>
        twins.start(
          entry,
          // Held as long as the twin runs: nobody else keeps what its agents say.
          async () => void (await (await lives.open(entry)).hold()),
          (error) => {
            log(`${name}: ${error.message}`);
            void lives.drop(name);
            testbeds.update(name, { state: 'failed' }).catch((reason: Error) => log(`${name}: ${reason.message}`));
          },
        ),
      alive: async () => alive(await lives.open(entry)),
    });
    return runs.start(entry, 'up', async (scope) => {
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
    });
  }

  /** @throws ContractError run-in-flight */
  async down(entry: TestbedEntry): Promise<string> {
    const { runs, lives } = this.#services;
    const { name, kind } = entry.testbed;
    if (kind === 'twin') return runs.start(entry, 'down', twinDown({ entry, stop: () => this.#stopTwin(name) }));
    const work = hostsRun('down', this.#hosts(entry));
    return runs.start(entry, 'down', async (scope) => {
      await lives.drop(name);
      // Clusters that are made anew have other keys: what is left of these would be taken for theirs.
      for (const cluster of apisOf(entry.testbed)) await rm(kubeconfigFile(entry.folder.secrets, cluster), { force: true });
      await work(scope);
    });
  }

  /** What "up" would change; changes nothing, but starts local hosts that do not run. @throws Failure */
  async plan(entry: TestbedEntry): Promise<PlanValue> {
    const { kind, name } = entry.testbed;
    return kind === 'twin' ? twinPlan(entry, this.#services.twins.find(name) !== null) : hostsPlan(this.#hosts(entry));
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
    if (kind === 'local') await local.destroy(name);
    await testbeds.remove(name);
  }

  async #stopTwin(name: string): Promise<void> {
    const { lives, twins } = this.#services;
    await lives.drop(name);
    await twins.stop(name);
  }

  #hosts(entry: TestbedEntry): HostsRunOptions {
    const { ssh, lives, distFolder, assetsFolder } = this.#services;
    return {
      testbed: () => this.#withHosts(entry),
      stateFolder: entry.folder.secrets,
      ssh: ssh.optionsOf(entry),
      distFolder,
      assetsFolder,
      listen: async () => {
        const live = await lives.open(entry);
        const hold = await live.hold();
        return {
          alive: () => alive(live),
          close: () => hold.close(),
        };
      },
      deploy: async (description) => void (await deployApplication(await lives.open(entry), description)),
    };
  }

  /** The testbed as it is to be set up: local hosts exist and run, and artefacts come from the bundle of the environment unless it names its own. */
  async #withHosts(entry: TestbedEntry): Promise<Testbed> {
    const { local, testbeds, env } = this.#services;
    if (entry.testbed.kind === 'local') {
      const { hosts } = await local.make(entry.folder, entry.testbed);
      await testbeds.update(entry.testbed.name, { hosts });
    }
    const { testbed } = entry;
    const bundle = testbed.artefacts.bundle ?? (env.MLSYSOPS_BUNDLE || undefined);
    return { ...testbed, artefacts: { ...testbed.artefacts, bundle } };
  }
}

/** Names under which kubeconfigs are kept: one of each cluster, and Karmada's. */
export const apisOf = ({ hosts }: Testbed): string[] => [...new Set(hosts.map(({ cluster }) => cluster)), 'karmada'];

const alive = (live: Live): string[] => live.state.agents().flatMap((agent) => (agent.alive ? [agent.agent] : []));
