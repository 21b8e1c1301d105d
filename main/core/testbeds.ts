import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Subscription } from '../../agents/bus/bus.ts';
import { type Host, type Testbed, testbedSchema } from '../../provisioning/testbed/schema.ts';
import { ContractError } from '../contract/contract.ts';
import type { TestbedSummary } from '../contract/testbeds.ts';
import { Listeners } from './listeners.ts';
import { type Remembered, TestbedFolder } from './testbed-folder.ts';

/** A testbed as the core knows it. Changed by `Testbeds.update` alone. */
export interface TestbedEntry {
  readonly folder: TestbedFolder;
  testbed: Testbed;
  remembered: Remembered;
}

/** All testbeds of this computer, each in a folder of its own. */
export class Testbeds {
  readonly #folder: string;
  readonly #log: (text: string) => void;
  readonly #entries = new Map<string, TestbedEntry>();
  readonly #changed = new Listeners<void>();
  /** Folders that can't be read, and why; left as they are. */
  readonly #unreadable = new Map<string, string>();
  /** Names that are being created. */
  readonly #making = new Set<string>();

  /** Reads what is there. A folder that can't be read is told in the log and left alone. */
  static async open(folder: string, log: (text: string) => void): Promise<Testbeds> {
    const testbeds = new Testbeds(folder, log);
    await testbeds.#load();
    return testbeds;
  }

  private constructor(folder: string, log: (text: string) => void) {
    this.#folder = folder;
    this.#log = log;
  }

  /** By name. */
  all(): TestbedEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.testbed.name.localeCompare(b.testbed.name));
  }

  summaries(): TestbedSummary[] {
    return this.all().map(summaryOf);
  }

  /** @throws ContractError no-such-testbed */
  get(name: string): TestbedEntry {
    const entry = this.#entries.get(name);
    if (entry) return entry;
    const unreadable = this.#unreadable.get(name);
    if (unreadable !== undefined)
      throw new ContractError(
        'unreadable-testbed',
        `What is kept of testbed "${name}" cannot be read: ${unreadable}.`,
        `Mend its files in ${join(this.#folder, name)} (or move that folder away), then: mlsysops-cli core stop`,
      );
    const known = this.all().map(({ testbed }) => testbed.name);
    throw new ContractError(
      'no-such-testbed',
      `There is no testbed "${name}".`,
      known.length > 0 ? `There is: ${known.join(', ')}.` : 'Create one first.',
    );
  }

  /** @throws ContractError no-such-host */
  host(name: string, host: string): Host {
    const { testbed } = this.get(name);
    const found = testbed.hosts.find((one) => one.name === host);
    if (found) return found;
    throw new ContractError(
      'no-such-host',
      `There is no host "${host}" in testbed "${name}".`,
      `Its hosts: ${testbed.hosts.map((one) => one.name).join(', ')}.`,
    );
  }

  /**
   * Adds a testbed; `prepare` may complete it (keys, hosts) before anybody sees it. What a failed try made is removed.
   * @throws ContractError testbed-exists, invalid-name; what `prepare` throws
   */
  async add(
    name: string,
    doubles: string[],
    prepare: (folder: TestbedFolder) => Promise<Testbed>,
    recording?: Remembered['recording'],
  ): Promise<TestbedEntry> {
    checkName(name);
    if (this.#entries.has(name) || this.#making.has(name) || this.#unreadable.has(name))
      throw new ContractError(
        'testbed-exists',
        `There is a testbed "${name}" already.`,
        'Choose another name, or remove it first.',
      );
    this.#making.add(name);
    const folder = new TestbedFolder(join(this.#folder, name));
    try {
      await folder.make();
      const testbed = await prepare(folder);
      const remembered: Remembered = { state: 'new', createdAt: Date.now(), lastRun: null, doubles, recording };
      await folder.writeTestbed(testbed);
      await folder.writeRemembered(remembered);
      const entry: TestbedEntry = { folder, testbed, remembered };
      this.#entries.set(name, entry);
      this.#changed.tell();
      return entry;
    } catch (error) {
      await rm(folder.path, { recursive: true, force: true });
      throw error;
    } finally {
      this.#making.delete(name);
    }
  }

  /** Remembers a change; it is seen at once, and written. What its trouble was is forgotten with its state. */
  async update(name: string, change: Partial<Remembered>): Promise<void> {
    const entry = this.get(name);
    entry.remembered = { ...entry.remembered, ...(change.state && { trouble: undefined }), ...change };
    this.#changed.tell();
    await entry.folder.writeRemembered(entry.remembered);
  }

  /** Puts another testbed file in the place of the former one. */
  async rewrite(name: string, testbed: Testbed): Promise<void> {
    const entry = this.get(name);
    await entry.folder.writeTestbed(testbed);
    entry.testbed = testbed;
    this.#changed.tell();
  }

  async remove(name: string): Promise<void> {
    const { folder } = this.get(name);
    this.#entries.delete(name);
    this.#changed.tell();
    await rm(folder.path, { recursive: true, force: true });
  }

  onChange(listener: () => void): Subscription {
    return this.#changed.add(listener);
  }

  async #load(): Promise<void> {
    let names: string[];
    try {
      names = await readdir(this.#folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    for (const name of names) {
      const folder = new TestbedFolder(join(this.#folder, name));
      try {
        this.#entries.set(name, { folder, ...(await folder.read()) });
      } catch (error) {
        const why = reasonOf(error);
        this.#unreadable.set(name, why);
        this.#log(`testbed ${name} cannot be read: ${why}`);
      }
    }
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) return z.prettifyError(error).replaceAll(/\s+/g, ' ');
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}

export const summaryOf = ({ testbed, remembered }: TestbedEntry): TestbedSummary => ({
  name: testbed.name,
  kind: testbed.kind,
  state: remembered.state,
  // What the testbed file leaves open is as ~/.ssh/config says when it is connected to.
  hosts: testbed.hosts.map(({ name, address, port = 22, user = 'root', role, cluster }) => ({
    name,
    address,
    port,
    user,
    role,
    cluster,
  })),
  doubles: remembered.doubles,
  lastRun: remembered.lastRun,
  createdAt: remembered.createdAt,
  recording: remembered.recording ?? null,
});

function checkName(name: string): void {
  if (testbedSchema.shape.name.safeParse(name).success) return;
  throw new ContractError(
    'invalid-name',
    `"${name}" can't be the name of a testbed.`,
    'Use lower-case letters, digits and "-", at most 63, with a letter or digit at both ends.',
  );
}
