import { homedir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../../provisioning/run/failure.ts';
import { SshConfig } from '../../provisioning/ssh/config.ts';
import type { SshOptions } from '../../provisioning/ssh/connection.ts';
import { KnownHosts } from '../../provisioning/ssh/known-hosts.ts';
import { SshPool } from '../../provisioning/ssh/pool.ts';
import { SecretMemory } from '../../provisioning/ssh/secrets.ts';
import type { Secrets } from './secrets.ts';
import type { TestbedEntry } from './testbeds.ts';

/** A host whose address has changed is found again as soon as ~/.ssh/config says so, in the middle of a run. */
const configAgeMs = 2000;

/** One that is just being written must not end a run that goes by the former one. */
function readAnew(former: SshConfig): SshConfig {
  try {
    return SshConfig.read();
  } catch (error) {
    if (error instanceof Failure) return former;
    throw error;
  }
}

/** SSH connections to the hosts of each testbed, shared by links and terminals, closed with the last who uses them. */
export class SshPools {
  readonly #pools = new Map<string, { pool: SshPool; users: number }>();
  /** Writes to a known_hosts file go through one object alone. */
  readonly #knownHosts = new Map<string, KnownHosts>();
  /** What was answered serves the next run, too. In memory alone, and no longer than the core lives. */
  readonly #memories = new Map<string, SecretMemory>();
  readonly #secrets: Secrets;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  /** Forgets answers of a testbed, right and wrong ones: a person may try again. */
  forgetSecrets(testbed: string): void {
    this.#memories.delete(testbed);
  }

  /** What persons have answered, to be taken out of what is shown. */
  knownSecrets(): string[] {
    return [...this.#memories.values()].flatMap((memory) => memory.values());
  }

  optionsOf(entry: TestbedEntry): SshOptions {
    const { testbed, folder } = entry;
    let knownHosts = this.#knownHosts.get(folder.knownHosts);
    if (!knownHosts) {
      // Addresses of local hosts are used again and again: what the user's own file says of them means others.
      const alsoRead = testbed.kind === 'local' ? [] : [join(homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'];
      knownHosts = new KnownHosts(folder.knownHosts, { alsoRead });
      this.#knownHosts.set(folder.knownHosts, knownHosts);
    }
    // A local host knows its own key alone; an agent with many would only be refused.
    if (testbed.kind === 'local') return { knownHosts, agent: null };
    const memory = this.#memories.get(testbed.name) ?? new SecretMemory();
    this.#memories.set(testbed.name, memory);
    // Read when the first host is connected to, and anew for each run: what is wrong in it is told there.
    let config: SshConfig | undefined;
    let readAt = 0;
    return {
      knownHosts,
      memory,
      ask: this.#secrets.askFor(testbed.name),
      config: (alias, given) => {
        if (config === undefined || Date.now() - readAt > configAgeMs) {
          config = config === undefined ? SshConfig.read() : readAnew(config);
          readAt = Date.now();
        }
        return config.answer(alias, given);
      },
    };
  }

  acquire(entry: TestbedEntry): { pool: SshPool; release(): void } {
    const { name } = entry.testbed;
    let known = this.#pools.get(name);
    if (!known) {
      known = { pool: new SshPool(this.optionsOf(entry)), users: 0 };
      this.#pools.set(name, known);
    }
    const used = known;
    used.users++;
    let released = false;
    return {
      pool: used.pool,
      release: () => {
        if (released) return;
        released = true;
        used.users--;
        if (used.users > 0) return;
        this.#pools.delete(name);
        void used.pool.close();
      },
    };
  }

  async close(): Promise<void> {
    const all = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(all.map(({ pool }) => pool.close()));
  }
}
