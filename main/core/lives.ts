import { ContractError } from '../contract/contract.ts';
import { coldLimits } from '../store/cold.ts';
import { Store } from '../store/store.ts';
import { ClusterState } from './cluster-state.ts';
import { openHostsLink } from './link/hosts.ts';
import { HostsReach } from './link/reach.ts';
import { twinLink } from './link/twin.ts';
import { Live } from './live.ts';
import type { SettingsKeeper } from './settings.ts';
import type { SshPools } from './ssh.ts';
import type { TestbedEntry, Testbeds } from './testbeds.ts';
import type { Twins } from './twins.ts';

interface LivesServices {
  testbeds: Testbeds;
  twins: Twins;
  ssh: SshPools;
  settings: SettingsKeeper;
  log(text: string): void;
}

/** Stores and live state of the testbeds. A store is opened when it is first needed, a live state while its testbed can be up. */
export class Lives {
  readonly #services: LivesServices;
  readonly #stores = new Map<string, Promise<Store>>();
  readonly #lives = new Map<string, Promise<Live>>();

  constructor(services: LivesServices) {
    this.#services = services;
    services.twins.onResumed(({ name, pausedMs }) => {
      void this.#lives.get(name)?.then(({ state }) => state.stoodStill(pausedMs));
    });
    services.settings.onChange(() => {
      // One that could not be opened has said so to whom it was opened for.
      for (const store of this.#stores.values())
        store.then(
          ({ cold }) => cold.keepAtMost(this.#mostBytes),
          () => {},
        );
    });
  }

  get #mostBytes(): number {
    return this.#services.settings.current.readingsGiB * 2 ** 30;
  }

  /** @throws StoreError */
  store(entry: TestbedEntry): Promise<Store> {
    const { name } = entry.testbed;
    let store = this.#stores.get(name);
    if (!store) {
      const limits = { ...coldLimits, mostBytes: this.#mostBytes };
      store = Store.open(entry.folder.store, (text) => this.#services.log(`${name}: ${text}`), limits);
      this.#stores.set(name, store);
      store.catch(() => this.#stores.delete(name));
    }
    return store;
  }

  /** The live state of a testbed that is up; null otherwise. */
  async find(entry: TestbedEntry): Promise<Live | null> {
    const known = this.#lives.get(entry.testbed.name);
    if (known) return known;
    return isUp(entry, this.#services.twins) ? this.open(entry) : null;
  }

  /** @throws ContractError not-up */
  async get(entry: TestbedEntry): Promise<Live> {
    const live = await this.find(entry);
    if (live) return live;
    const { name } = entry.testbed;
    throw new ContractError('not-up', `The testbed "${name}" is not up.`, `Set it up first: testbed up ${name}.`);
  }

  /** The live state, whatever the testbed's state is: a run listens to what is coming up. */
  open(entry: TestbedEntry): Promise<Live> {
    const { name } = entry.testbed;
    let live = this.#lives.get(name);
    if (!live) {
      live = this.store(entry).then((store) => this.#make(entry, store));
      this.#lives.set(name, live);
      live.catch(() => this.#lives.delete(name));
    }
    return live;
  }

  /** Ends what watches a testbed, e.g. because it goes down. Its store stays. */
  async drop(name: string): Promise<void> {
    const live = this.#lives.get(name);
    this.#lives.delete(name);
    await (await live)?.close();
  }

  /** Closes the store, too. */
  async forget(name: string): Promise<void> {
    await this.drop(name);
    const store = this.#stores.get(name);
    this.#stores.delete(name);
    await (await store)?.close();
  }

  async close(): Promise<void> {
    await Promise.all([...new Set([...this.#lives.keys(), ...this.#stores.keys()])].map((name) => this.forget(name)));
  }

  #make(entry: TestbedEntry, store: Store): Live {
    const { twins, ssh } = this.#services;
    const { testbed, folder } = entry;
    const log = (text: string) => this.#services.log(`${testbed.name}: ${text}`);
    const clusters = [...new Set(testbed.hosts.map(({ cluster }) => cluster))];
    const common = { entry, store, log };
    if (testbed.kind === 'twin') {
      return new Live({
        ...common,
        // While time stands still there, nobody is late.
        now: () => twins.pausedAt(testbed.name) ?? Date.now(),
        ownTime: true,
        openLink: async () => twinLink(twins.process(testbed.name), log),
        makeClusterState: (onChange) =>
          new ClusterState({
            clusters,
            onChange,
            reach: async (cluster) => ({ kubeconfig: twins.kubeconfig(testbed.name, cluster) }),
          }),
      });
    }
    return new Live({
      ...common,
      openLink: () => {
        const { pool, release } = ssh.acquire(entry);
        const management = entry.testbed.hosts.find(({ role }) => role === 'management');
        if (!management) throw new ContractError('no-such-host', `The testbed "${testbed.name}" has no management host.`);
        return openHostsLink({
          pool,
          management,
          stateFolder: folder.secrets,
          knownUntil: () => store.decisions.newestTime(),
          log,
          onClose: release,
        });
      },
      makeClusterState: (onChange) => {
        let opened: { reach: HostsReach; release(): void } | null = null;
        return new ClusterState({
          clusters,
          onChange,
          reach: (cluster) => {
            if (!opened) {
              const { pool, release } = ssh.acquire(entry);
              opened = { reach: new HostsReach({ pool, testbed: entry.testbed, stateFolder: folder.secrets }), release };
            }
            return opened.reach.reach(cluster);
          },
          onIdle: () => {
            opened?.reach.close();
            opened?.release();
            opened = null;
          },
        });
      },
    });
  }
}

const isUp = ({ testbed, remembered }: TestbedEntry, twins: Twins): boolean =>
  testbed.kind === 'twin' ? twins.find(testbed.name) !== null : remembered.state === 'up';
